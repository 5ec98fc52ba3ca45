import type { Socket } from 'node:net'
import process from 'node:process'
import type { FastifyBaseLogger, FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { BrokerError, type Stored } from '../broker/broker-error.ts'
import type { ErrorCode } from '../broker/error-catalogue.ts'
import { DISCARDED_BODY_MAX_BYTES } from './discarded-body.ts'
import { PROBLEM_MEDIA_TYPE, problemOf, retryAfterSeconds } from './problem.ts'
import type { RefusalLog } from './refusal-log.ts'
import { connectionEnded, refuseContentType } from './request-body.ts'
import type { UnhurriedBodies } from './unhurried-bodies.ts'

/** Not imported: an import of node:http makes Node load its whole web client, 30 ms of each start. */
const reasonPhrases = process.getBuiltinModule('node:http').STATUS_CODES

/** Turns whatever a request met into its problem document. Internals are logged, never shown. */
export function errorHandler(refusals: RefusalLog) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const known = brokerErrorOf(error, request)
    refusals.refused(error, known, request)
    sendProblem(known, request, reply)
  }
}

/** @param closes whether the connection ends behind the reply */
export function sendProblem(
  error: BrokerError,
  request: FastifyRequest,
  reply: FastifyReply,
  closes = mustClose(error, request),
): void {
  const retryAfter = retryAfterSeconds(error)
  if (retryAfter !== undefined) void reply.header('retry-after', retryAfter)
  if (error.code === 'METHOD_NOT_ALLOWED') void reply.header('allow', String(error.options.facts?.['allow']))
  if (closes) void reply.header('connection', 'close')
  // Fastify closes after every fault in a body.
  else if (reply.hasHeader('connection')) void reply.removeHeader('connection')
  void reply
    .code(error.status)
    .header('content-type', PROBLEM_MEDIA_TYPE)
    .send(JSON.stringify({ ...problemOf(error, request.id), stored: storedBy(error, request) }))
}

/** A body that is late, or that a page of another site sends. */
const notWaitedFor: ReadonlySet<ErrorCode> = new Set(['REQUEST_TIMEOUT', 'ORIGIN_NOT_ALLOWED', 'MISDIRECTED_REQUEST'])

function mustClose({ code }: BrokerError, { raw, headers }: FastifyRequest): boolean {
  if (code === 'SERVER_STOPPING') return true
  if (raw.complete) return false
  if (notWaitedFor.has(code)) return true
  // Of unknown length: who is told to come again has to hear it, others are not worth the wait.
  if (headers['transfer-encoding'] !== undefined) return code !== 'SERVER_OVERLOADED'
  return Number(headers['content-length'] ?? 0) > DISCARDED_BODY_MAX_BYTES
}

/** A failed publish always says what became of its records: nothing if it was refused, and after a surprise nobody knows. */
function storedBy(error: BrokerError, request: FastifyRequest): Stored | undefined {
  if (request.method === 'GET') return undefined
  const { stored } = error.options
  if (stored !== undefined || !mayPublish(request)) return stored
  return error.status === 500 ? 'unknown' : 'no'
}

/** True also of a POST that found no route, which may have been meant so. */
function mayPublish({ method, is404, routeOptions }: FastifyRequest): boolean {
  return routeOptions.config.publishes === true || (method === 'POST' && (is404 || routeOptions.url === undefined))
}

/** For what Node refuses before there is a request: the same document, written to the socket. */
export function clientErrorHandler(logger: FastifyBaseLogger, unhurried: UnhurriedBodies) {
  return (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && unhurried.has(socket)) return
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    if (unhurried.fail(socket, brokenBody(error))) return
    logger.debug({ err: error }, 'refused what is no HTTP request')
    const known = socketError(error)
    const body = JSON.stringify(problemOf(known))
    socket.end(
      `HTTP/1.1 ${known.status} ${reasonPhrases[known.status] ?? ''}\r\n` +
        `Content-Type: ${PROBLEM_MEDIA_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
        `Cache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
    )
    socket.destroySoon()
  }
}

/** Of a request that was one up to its body. */
function brokenBody(error: Error & { code?: string }): BrokerError {
  if (error.code === 'HPE_INVALID_EOF_STATE') return connectionEnded(error)
  return new BrokerError('INVALID_REQUEST', `The body does not go on as HTTP frames it: ${error.message}.`, {
    stored: 'no',
    cause: error,
  })
}

function socketError(error: Error & { code?: string }): BrokerError {
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new BrokerError('REQUEST_TIMEOUT', 'The request did not arrive in time; nothing was stored.', {
        stored: 'no',
      })
    case 'HPE_HEADER_OVERFLOW':
      return new BrokerError(
        'REQUEST_HEADERS_TOO_LARGE',
        'The request line and headers are larger than 16 KiB together.',
      )
    default:
      return new BrokerError('INVALID_REQUEST', `This is no HTTP request: ${error.message}.`)
  }
}

function brokerErrorOf(error: unknown, request: FastifyRequest): BrokerError {
  if (error instanceof BrokerError) return error
  if (isFastifyError(error)) {
    const code = codeOf(error)
    if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return contentTypeError(request)
    if (code !== undefined) return new BrokerError(code, error.message)
  }
  return new BrokerError(
    'UNKNOWN_SERVER_ERROR',
    `The server met an unexpected error. Its log has the details under the request id ${request.id}.`,
    { cause: error },
  )
}

/** Errors of fastify itself that a client can cause. */
function codeOf(error: FastifyError): ErrorCode | undefined {
  if (error.statusCode === 413) return 'REQUEST_TOO_LARGE'
  if (error.statusCode === 404) return 'ROUTE_NOT_FOUND'
  if (error.statusCode === 408) return 'REQUEST_TIMEOUT'
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) return 'INVALID_REQUEST'
  return undefined
}

function contentTypeError(request: FastifyRequest): BrokerError {
  let refused: BrokerError | undefined
  refuseContentType(request, request.raw, (error) => {
    if (error instanceof BrokerError) refused = error
  })
  return refused ?? new BrokerError('UNSUPPORTED_MEDIA_TYPE', 'This path takes application/json.')
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('FST_')
}
