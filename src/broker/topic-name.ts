import { BrokerError } from './broker-error.ts'

/** Kafka's limit (org.apache.kafka.common.internals.Topic): the name plus a partition number is a directory name. */
export const MAX_TOPIC_NAME_LENGTH = 249

const legalName = /^[A-Za-z0-9._-]+$/

/** Why a topic name (or a group id, which follows the same rule here) is not legal; undefined if it is. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'it is empty'
  if (name === '.' || name === '..') return "it must not be '.' or '..'"
  if (name.length > MAX_TOPIC_NAME_LENGTH) {
    return `it is ${name.length} characters long; at most ${MAX_TOPIC_NAME_LENGTH} are allowed`
  }
  if (!legalName.test(name)) return 'only ASCII letters, digits, ".", "_" and "-" are allowed'
  return undefined
}

/** Rejects what Kafka does not take as a topic name. */
export function checkTopicName(name: string, pointer = '/name'): void {
  const fault = nameFault(name)
  if (fault === undefined) return
  const detail = `The topic name ${JSON.stringify(shortened(name))} is not legal: ${fault}.`
  throw new BrokerError('INVALID_TOPIC_EXCEPTION', detail, { errors: [{ pointer, detail }] })
}

/** Topics whose names begin with `__` belong to the server or its cluster: clients may read them, and no more. */
export function isInternalTopicName(name: string): boolean {
  return name.startsWith('__')
}

/** @param pointer where the request has the name: by default in the path */
export function refuseInternalTopic(name: string, pointer = 'topic'): void {
  if (!isInternalTopicName(name)) return
  const detail = `The topic "${shortened(name)}" is internal: names that begin with "__" are kept for the server, or the Kafka cluster behind it, and can only be read.`
  throw new BrokerError('INVALID_TOPIC_EXCEPTION', detail, { errors: [{ pointer, detail }] })
}

function shortened(name: string): string {
  return name.length <= 64 ? name : `${name.slice(0, 60)}…`
}
