import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { BrokerError } from '../broker/broker-error.ts'
import type { ErrorCode } from '../broker/error-catalogue.ts'
import { PROBLEM_MEDIA_TYPE, problemOf, retryAfterSeconds } from './problem.ts'
import { refuseContentType } from './request-body.ts'

/** Turns whatever a request met into its problem document. Internals are logged, never shown. */
export function errorHandler(logger: FastifyBaseLogger) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const known = brokerErrorOf(error, request)
    if (known.status >= 500) logFailure(logger, error, known, request)
    sendProblem(known, request, reply)
  }
}

export function sendProblem(error: BrokerError, request: FastifyRequest, reply: FastifyReply): void {
  const retryAfter = retryAfterSeconds(error)
  if (retryAfter !== undefined) void reply.header('retry-after', retryAfter)
  if (error.code === 'METHOD_NOT_ALLOWED') void reply.header('allow', String(error.options.facts?.['allow']))
  // What is left of the body is not read: the connection cannot be used again.
  if (hasUnreadBody(request) || error.code === 'SERVER_STOPPING') void reply.header('connection', 'close')
  void reply
    .code(error.status)
    .header('content-type', PROBLEM_MEDIA_TYPE)
    .send(JSON.stringify(problemOf(error, request.id)))
}

function hasUnreadBody({ raw, headers }: FastifyRequest): boolean {
  if (raw.complete) return false
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** For what Node refuses before there is a request: the same document, written to the socket. */
export function clientErrorHandler(logger: FastifyBaseLogger) {
  return (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    logger.debug({ err: error }, 'refused what is no HTTP request')
    const known = socketError(error)
    const body = JSON.stringify(problemOf(known))
    socket.end(
      `HTTP/1.1 ${known.status} ${STATUS_CODES[known.status] ?? ''}\r\n` +
        `Content-Type: ${PROBLEM_MEDIA_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
        `Cache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
    )
    socket.destroySoon()
  }
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

function logFailure(logger: FastifyBaseLogger, error: unknown, known: BrokerError, request: FastifyRequest): void {
  const facts = { err: error, code: known.code, requestId: request.id, method: request.method, url: request.url }
  if (known.code === 'UNKNOWN_SERVER_ERROR') logger.error(facts, 'a request met an unexpected error')
  else logger.warn(facts, 'a request could not be served')
}
