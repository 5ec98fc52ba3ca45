import { BrokerError } from './broker-error.ts'

const MAX_LENGTH = 128
const legalId = /^[A-Za-z0-9._-]+$/

/** Ids of members and of instances: parts of paths, of cursors and of metrics. */
export function checkMemberId(id: string, what = 'member id', pointer = 'memberId'): void {
  if (id.length <= MAX_LENGTH && legalId.test(id) && id !== '.' && id !== '..') return
  const fault =
    id.length > MAX_LENGTH
      ? `it is ${id.length} characters long; at most ${MAX_LENGTH} are allowed`
      : 'only ASCII letters, digits, ".", "_" and "-" are allowed, at least one, and neither "." nor ".."'
  const shown = id.length <= 64 ? id : `${id.slice(0, 60)}…`
  const detail = `The ${what} ${JSON.stringify(shown)} is not legal: ${fault}.`
  throw new BrokerError('INVALID_REQUEST', detail, { errors: [{ pointer, detail }] })
}
