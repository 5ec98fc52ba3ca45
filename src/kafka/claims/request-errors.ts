import { BrokerError, type Stored } from '../../broker/broker-error.ts'

/** What is known of earlier requests cannot be told now. */
export function ledgerUnread(topic: string, progress = ''): BrokerError {
  return new BrokerError(
    'REQUEST_TIMED_OUT',
    `What is known of earlier requests is not read from ${topic} yet${progress}. Send the request again.`,
    { status: 503, stored: 'no', retryAfterSeconds: 1 },
  )
}

/** What the ledger says cannot be told from it any more, and to store the request could be to store it twice. */
export function entryUnreadable(topic: string, who: string): BrokerError {
  return new BrokerError(
    'KAFKA_STORAGE_ERROR',
    `${topic} has an entry of ${who} that this gateway cannot read: it was made by a newer version, or somebody else ` +
      `changed the topic. Nothing was stored now; an earlier try may have been.`,
    { stored: 'unknown', retryAfterSeconds: 30 },
  )
}

export function anotherGateway(who: string): BrokerError {
  return new BrokerError(
    'CONCURRENT_TRANSACTIONS',
    `Another gateway stores for the same identity (${who}) now. Send the request again.`,
    { stored: 'no', retryAfterSeconds: 1 },
  )
}

export function storedElsewhere(who: string): BrokerError {
  return new BrokerError(
    'CONCURRENT_TRANSACTIONS',
    `Another gateway has stored this request (${who}) meanwhile. Send it again to be told where.`,
    { stored: 'unknown', retryAfterSeconds: 1 },
  )
}

/** Somebody else has the transactional id now, or the cluster gave the transaction up: none of it is stored. */
export function fencedError(doing: string): BrokerError {
  return new BrokerError('INVALID_TXN_STATE', `The cluster refused ${doing}: the transaction is over.`, {
    stored: 'no',
    retryAfterSeconds: 1,
  })
}

export function isFenced(error: unknown): boolean {
  return error instanceof BrokerError && error.code === 'INVALID_TXN_STATE'
}

const forbidden: ReadonlySet<string> = new Set([
  'CLUSTER_AUTHORIZATION_FAILED',
  'TOPIC_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
])

/** Without transactions a request could be stored twice: then rather not at all. */
export function notAllowed(error: unknown): unknown {
  if (!(error instanceof BrokerError) || !forbidden.has(error.code)) return error
  return new BrokerError(
    'UNSUPPORTED_VERSION',
    `${error.message} Producer-Id and Idempotency-Key need transactions and topics of the gateways: let the gateway's ` +
      `user describe and write to transactional ids, and create, describe, read, write and alter topics, that begin ` +
      `with "posthorn-" and "__posthorn_", or publish without these headers.`,
    { stored: 'no', cause: error },
  )
}

export function withStored(error: BrokerError, stored: Stored): BrokerError {
  return new BrokerError(error.code, error.message, { ...error.options, stored, cause: error })
}

export function ledgerTooSmall(topic: string, partitionCount: number, needed: number): BrokerError {
  return new BrokerError(
    'UNSUPPORTED_VERSION',
    `The topic ${topic} has ${partitionCount} partitions, and needs ${needed}: delete it, and the gateways make it anew.`,
    { stored: 'no' },
  )
}

export function topicReplaced(topic: string): BrokerError {
  return new BrokerError(
    'UNKNOWN_TOPIC_OR_PARTITION',
    `The topic "${topic}" was deleted and made again while the request was being stored.`,
    { stored: 'no' },
  )
}
