import { BrokerError, type BrokerErrorOptions } from '../broker/broker-error.ts'
import { errorCatalogue, type ErrorCode } from '../broker/error-catalogue.ts'
import {
  GenericError,
  MultipleErrors,
  ProtocolError,
  protocolErrorsCodesById,
  ResponseError,
} from '@platformatic/kafka'

/** Ours by Kafka's number; of two with one number none. */
const codesByNumber: ReadonlyMap<number, ErrorCode> = new Map(
  Object.entries(errorCatalogue).flatMap(([name, entry]) =>
    'kafkaCode' in entry && isErrorCode(name) ? [[entry.kafkaCode, name] as const] : [],
  ),
)

function isErrorCode(name: string): name is ErrorCode {
  return Object.hasOwn(errorCatalogue, name)
}

/** Kafka's name of an error number. */
export function kafkaErrorName(kafkaCode: number): string {
  return Object.entries(protocolErrorsCodesById).find(([id]) => Number(id) === kafkaCode)?.[1] ?? `error ${kafkaCode}`
}

/** What a client is told of a number that a broker answered with. A number that we have no name for is UNKNOWN_SERVER_ERROR. */
export function errorCodeOf(kafkaCode: number): ErrorCode {
  return codesByNumber.get(kafkaCode) ?? 'UNKNOWN_SERVER_ERROR'
}

/**
 * @param doing completes "The cluster refused …": `to create the topic "a"`
 * @param message what the broker said of it
 */
export function refusal(
  kafkaCode: number,
  doing: string,
  message: string | null = null,
  options: BrokerErrorOptions = {},
): BrokerError {
  const said = message === null || message === '' ? '' : `: ${message.replace(/\.$/, '')}`
  const detail = `The cluster refused ${doing} (${kafkaErrorName(kafkaCode)})${said}.${remedies.get(kafkaCode) ?? ''}`
  return new BrokerError(errorCodeOf(kafkaCode), detail, options)
}

const remedies: ReadonlyMap<number, string> = new Map([
  [10, ' Send smaller records, or raise max.message.bytes of the topic.'],
  [18, ' Send fewer records at a time, or raise segment.bytes of the topic.'],
  [19, ' Send it again when more of its replicas are in sync (min.insync.replicas).'],
  [20, ' The records may be stored; send them again with the same identity when more replicas are in sync.'],
  [
    32,
    ' Send times in Unix milliseconds that the topic takes (message.timestamp.before.max.ms, ' +
      'message.timestamp.after.max.ms), or leave them out.',
  ],
  [87, ' In a compacted topic every record needs a key.'],
  [29, " Give the gateway's user the right to it (kafka-acls)."],
  [30, " Give the gateway's user the right to it (kafka-acls)."],
  [31, " Give the gateway's user the right to it (kafka-acls)."],
  [38, ' Ask for no more replicas than the cluster has brokers (default.replication.factor).'],
  [53, " Give the gateway's user the right to it (kafka-acls)."],
  [68, ' Let its members leave, or wait until their sessions end.'],
])

/** The partition is led by another node than we knew: look again, and ask there. */
const movedLeader: ReadonlySet<number> = new Set([3, 5, 6, 8, 9, 72, 74, 75, 78, 100, 103])
const movedCoordinator: ReadonlySet<number> = new Set([15, 16])
const movedController: ReadonlySet<number> = new Set([41])
/** Besides these, worth another try at the same place. */
const passing: ReadonlySet<number> = new Set([2, 7, 14, 51, 56, 88])

export function tellsMovedCoordinator(kafkaCode: number): boolean {
  return movedCoordinator.has(kafkaCode)
}

export function isAuthorizationFailure(kafkaCode: number): boolean {
  return errorCatalogue[errorCodeOf(kafkaCode)].status === 403
}

/** A request that only asks, or that may be done twice, is worth another try after this one. */
export function isPassing(kafkaCode: number): boolean {
  return [passing, movedLeader, movedCoordinator, movedController].some((codes) => codes.has(kafkaCode))
}

/** One error in the answer of a broker: where in the answer it stands, and what was said of it. */
export interface AnsweredError {
  /** As the client library writes it: `/topics/0/partitions/2`. */
  readonly path: string
  readonly kafkaCode: number
  readonly message: string | null
}

/** The errors in the answer that the library threw; empty where there was no answer. */
export function answeredErrors(error: unknown): readonly AnsweredError[] {
  if (!(error instanceof MultipleErrors)) return []
  return error.errors.flatMap((entry: unknown): AnsweredError[] => {
    if (!(entry instanceof ProtocolError)) return []
    const { apiCode, path, serverErrorMessage } = entry
    if (typeof apiCode !== 'number') return []
    const message = typeof serverErrorMessage === 'string' ? serverErrorMessage : null
    return [{ path: typeof path === 'string' ? path : '', kafkaCode: apiCode, message }]
  })
}

/**
 * What a call answers, whether it holds errors or not: the library rejects an answer with any error in it, and carries the
 * answer along. Callers look at its error codes themselves.
 */
export async function withErrorsInIt<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (!(error instanceof ResponseError) || error['response'] === undefined) throw error
    // Made by the parser whose answers the library resolves with.
    const response: T = error['response']
    return response
  }
}

/** No answer came: the connection could not be made, or broke, or nothing came in time. */
export function isConnectionFailure(error: unknown): boolean {
  if (error instanceof ResponseError) return false
  return error instanceof GenericError || error instanceof MultipleErrors
}

/** The cluster does not take what we say who we are. */
export function isCredentialsFailure(error: unknown): boolean {
  for (const cause of causes(error)) {
    if (cause instanceof GenericError && cause.code === 'PLT_KFK_AUTHENTICATION') return true
    if (answeredErrors(cause).some(({ kafkaCode }) => kafkaCode === 58 || kafkaCode === 33)) return true
  }
  return false
}

const certificateFailures: ReadonlySet<unknown> = new Set([
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** An alert of the other side about ours; OpenSSL's names of them differ from version to version. */
const refusedCertificate = /^ERR_SSL_.*ALERT.*_(CERTIFICATE|CA$)/

/** We do not take the cluster's certificate, or it does not take ours. */
export function isCertificateFailure(error: unknown): boolean {
  return [...causes(error)].some((cause) => {
    if (!(cause instanceof Error) || !('code' in cause)) return false
    return certificateFailures.has(cause.code) || refusedCertificate.test(String(cause.code))
  })
}

/** The error, what caused it, and so on; of several at once all. */
function* causes(error: unknown): Generator {
  yield error
  if (error instanceof MultipleErrors) for (const entry of error.errors) yield* causes(entry)
  if (error instanceof Error && error.cause !== undefined) yield* causes(error.cause)
}

/** `40BD…:error:0A000412:SSL routines:ssl3_read_bytes:ssl/tls alert bad certificate:../deps/…` */
const openSslReason = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/

/** The innermost message: `connect ECONNREFUSED 127.0.0.1:9092`. */
export function rootMessage(error: unknown): string {
  let message = String(error)
  for (const cause of causes(error)) {
    if (cause instanceof Error && cause.message !== '') message = cause.message
    else if (cause instanceof AggregateError) message = cause.errors.map(rootMessage).join(', ')
  }
  return (openSslReason.exec(message)?.[1] ?? message).replace(/\.$/, '')
}

/** As a client is told of it, whatever it is; a BrokerError stays what it is, and a bug is thrown on. */
export function asBrokerError(error: unknown, doing: string, options: BrokerErrorOptions = {}): BrokerError {
  if (error instanceof BrokerError) return error
  const [answered] = answeredErrors(error)
  if (answered !== undefined) return refusal(answered.kafkaCode, doing, answered.message, { ...options, cause: error })
  if (!isConnectionFailure(error)) throw error
  const told = { retryAfterSeconds: 1, ...options, cause: error }
  if (isCredentialsFailure(error)) return new BrokerError('SASL_AUTHENTICATION_FAILED', credentialsDetail(error), told)
  return new BrokerError(
    'NETWORK_EXCEPTION',
    `The cluster could not be asked ${doing}: ${rootMessage(error)}. Send the request again.`,
    told,
  )
}

function credentialsDetail(error: unknown): string {
  return `The cluster refuses the gateway's credentials: ${rootMessage(error)}. Its operator has to set sasl.mechanism and sasl.jaas.config right.`
}
