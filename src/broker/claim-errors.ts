import { BrokerError } from './broker-error.ts'
import type { PublishIdentity } from './publish-claim.ts'
import type { Verdict } from './claim-verdict.ts'

export type Refusal = Exclude<Verdict, { readonly kind: 'complete' | 'append' }>

/** What a client is told whose request is not taken, or has waited long enough. */
export function refusalOf(topic: string, identity: PublishIdentity, verdict: Refusal): BrokerError {
  const who = describeIdentity(identity)
  switch (verdict.kind) {
    case 'early':
    case 'out-of-order':
      return outOfOrder(topic, who, verdict.expected)
    case 'early-of-unknown':
    case 'unknown':
      return unknownProducer(topic, who)
    case 'fenced':
      return fenced(topic, who, verdict.epoch)
    case 'mismatch':
      return mismatch(topic, who, identity.kind)
    default:
      return forgotten(topic, who)
  }
}

function unknownProducer(topic: string, who: string): BrokerError {
  return new BrokerError(
    'UNKNOWN_PRODUCER_ID',
    `The topic '${topic}' knows nothing of ${who}: it never published here, or not for producer.id.expiration.ms. ` +
      `An unknown producer begins with Producer-Sequence 0, and with an epoch it has not used.`,
    { stored: 'unknown', facts: { expectedSequence: 0 } },
  )
}

function fenced(topic: string, who: string, epoch: number): BrokerError {
  return new BrokerError(
    'PRODUCER_FENCED',
    `A newer epoch of ${who} has published to '${topic}': ${epoch}. If that was not another process, ask ` +
      `GET /topics/{topic}/producers/{producerId} and go on with a higher epoch.`,
    { stored: 'unknown', facts: { epoch } },
  )
}

function mismatch(topic: string, who: string, kind: PublishIdentity['kind']): BrokerError {
  return new BrokerError(
    'IDEMPOTENCY_MISMATCH',
    `Another request was sent to '${topic}' as ${who}: the path, the query, the content type or the body differs. ` +
      `A repeat is byte for byte the same; another request has ` +
      (kind === 'key' ? 'a key of its own.' : 'the next sequence.'),
    { stored: 'no' },
  )
}

function forgotten(topic: string, who: string): BrokerError {
  return new BrokerError(
    'DUPLICATE_SEQUENCE_NUMBER',
    `Newer requests than ${who} are stored in '${topic}', and where this one is, is no longer remembered: the last ` +
      `five of a producer are. A producer's requests are stored in order, so that it was stored before them: go on, and ` +
      `send no request before the one five before it was answered.`,
    { stored: 'unknown' },
  )
}

function outOfOrder(topic: string, who: string, expected: number): BrokerError {
  return new BrokerError(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    `Before ${who}, '${topic}' has to get Producer-Sequence ${expected}: it is missing, or not stored in full. Send ` +
      `that one first; of five in flight it must be among them.`,
    { stored: 'no', facts: { expectedSequence: expected } },
  )
}

/** An equal request, or one that has to come before, is taking its time. */
export function stillUnderWay(topic: string, identity: PublishIdentity): BrokerError {
  return new BrokerError(
    'SERVER_OVERLOADED',
    `A request of the same identity (${describeIdentity(identity)}) is still being stored in '${topic}'. Send this one ` +
      `again in a moment.`,
    { stored: 'unknown', retryAfterSeconds: 1 },
  )
}

export function memoryFull(topic: string, identity: PublishIdentity): BrokerError {
  return new BrokerError(
    'PRODUCER_STATE_FULL',
    `There is no room to remember ${describeIdentity(identity)} in '${topic}' (producer.state.max.bytes): none is ` +
      `forgotten early. Try again later, or publish without this header.`,
    { stored: 'no', retryAfterSeconds: 10 },
  )
}

/** Requests of the same producer may lie on a log directory that cannot be read now. */
export function predecessorsAway(topic: string, identity: PublishIdentity, directory: string): BrokerError {
  return new BrokerError(
    'KAFKA_STORAGE_ERROR',
    `What '${topic}' knows of ${describeIdentity(identity)} may lie in ${directory}, which is offline: whether requests ` +
      `are missing before it can only be said when that log directory is back. Send the same request again then.`,
    { stored: 'unknown', retryAfterSeconds: 30 },
  )
}

/** A part whose directory failed while it was being written: only a restart shows whether it is there. */
export function partInDoubt(topic: string, partition: number): BrokerError {
  return new BrokerError(
    'KAFKA_STORAGE_ERROR',
    `Whether the records of this request for partition ${partition} of '${topic}' are stored is not known before their ` +
      `log directory is well and the server was restarted. Send the request again then: nothing is stored twice.`,
    { stored: 'unknown', retryAfterSeconds: 30 },
  )
}

function describeIdentity(identity: PublishIdentity): string {
  if (identity.kind === 'key') return `Idempotency-Key '${identity.key}'`
  return `Producer-Id '${identity.producerId}' epoch ${identity.epoch} sequence ${identity.sequence}`
}
