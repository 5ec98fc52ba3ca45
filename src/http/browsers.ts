import type { FastifyReply, FastifyRequest } from 'fastify'
import { BrokerError } from '../broker/broker-error.ts'

const ALLOWED_HEADERS =
  'Content-Type, Authorization, Producer-Id, Producer-Epoch, Producer-Sequence, Idempotency-Key, Last-Event-ID'
const EXPOSED_HEADERS = 'Location, Retry-After, ETag, Next-Cursor, Next-Offset, Up-To-Date'
const ALLOWED_METHODS = 'GET, POST, PUT, PATCH, DELETE'
const PREFLIGHT_SECONDS = '600'

export interface BrowserRules {
  readonly allowedHosts: readonly string[]
  readonly corsAllowedOrigins: readonly string[]
}

/**
 * Keeps web pages of other sites out. A page may send simple requests anywhere without asking, and can make a name of
 * its own resolve to this machine (DNS rebinding); what it cannot do is forge `Origin` and `Host`.
 */
export class Browsers {
  readonly #allowedHosts: ReadonlySet<string>
  readonly #allowedOrigins: ReadonlySet<string>
  /** Values of `Host` that passed before, for they are compared at every request. */
  readonly #knownHosts = new Set<string>()

  constructor(rules: BrowserRules) {
    this.#allowedHosts = new Set(rules.allowedHosts.map((host) => host.toLowerCase()))
    this.#allowedOrigins = new Set(rules.corsAllowedOrigins)
  }

  /** On a loopback listener: rejects a request that was meant for another name. */
  checkHost(request: FastifyRequest): BrokerError | undefined {
    const host = request.headers.host ?? ''
    if (this.#knownHosts.has(host)) return undefined
    const name = hostname(host)
    if (isLoopback(name) || this.#allowedHosts.has(name) || this.#allowedHosts.has(host.toLowerCase())) {
      if (this.#knownHosts.size < 100) this.#knownHosts.add(host)
      return undefined
    }
    return new BrokerError(
      'MISDIRECTED_REQUEST',
      `This listener is for this machine only and does not serve the host ${JSON.stringify(host.slice(0, 255))}: ` +
        'call it as localhost, or add the name to allowed.hosts.',
    )
  }

  /** Lets allowed origins read replies; rejects a change that a page of another site asks for. */
  checkOrigin(request: FastifyRequest, reply: FastifyReply): BrokerError | undefined {
    const origin = request.headers.origin
    if (origin === undefined || isOwnOrigin(request, origin)) return undefined
    if (this.#allowedOrigins.has(origin) || this.#allowedOrigins.has('*')) {
      void reply
        .header('access-control-allow-origin', origin)
        .header('access-control-expose-headers', EXPOSED_HEADERS)
        .header('vary', 'Origin')
      return undefined
    }
    if (request.method === 'GET') return undefined
    return new BrokerError(
      'ORIGIN_NOT_ALLOWED',
      `Pages of ${JSON.stringify(origin.slice(0, 255))} may not call this server: add the origin to cors.allowed.origins.`,
    )
  }

  /** Answers the question a browser asks before a request to another site; true if it was one. */
  answeredPreflight(request: FastifyRequest, reply: FastifyReply): boolean {
    const { origin } = request.headers
    if (request.method !== 'OPTIONS' || origin === undefined) return false
    if (request.headers['access-control-request-method'] === undefined) return false
    void reply
      .header('access-control-allow-methods', ALLOWED_METHODS)
      .header('access-control-allow-headers', ALLOWED_HEADERS)
      .header('access-control-max-age', PREFLIGHT_SECONDS)
      .code(204)
      .send()
    return true
  }
}

/** True for the names and addresses that only this machine can reach itself by. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || host === '::1' || isLoopbackV4(host)
}

function isLoopbackV4(host: string): boolean {
  return /^(::ffff:)?127(\.\d{1,3}){3}$/.test(host)
}

/** The name in a `Host` header, lower case, without port and without a closing dot. */
function hostname(host: string): string {
  const name = host.replace(/:\d*$/, '').toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}

/** A page that this server itself serves. */
function isOwnOrigin(request: FastifyRequest, origin: string): boolean {
  const host = request.headers.host
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)
}
