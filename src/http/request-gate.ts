import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { BrokerError } from '../broker/broker-error.ts'
import type { Clock } from '../broker/clock.ts'
import { Browsers, isLoopback, type BrowserRules } from './browsers.ts'
import { accepts } from './media-range.ts'
import type { PipelinedRequests } from './pipelined-requests.ts'
import type { RouteTable } from './route-table.ts'

const SLASH = 0x2f

/** What every request passes before its body is read. */
export class RequestGate {
  readonly #browsers: Browsers
  readonly #routes: RouteTable
  readonly #pipelined: PipelinedRequests
  readonly #clock: Clock
  readonly #stopping: AbortSignal
  #onLoopback = false

  constructor(
    rules: BrowserRules,
    routes: RouteTable,
    pipelined: PipelinedRequests,
    clock: Clock,
    stopping: AbortSignal,
  ) {
    this.#browsers = new Browsers(rules)
    this.#routes = routes
    this.#pipelined = pipelined
    this.#clock = clock
    this.#stopping = stopping
  }

  /** Told of the addresses listened on: only where all are loopback, `Host` is checked. */
  listening(addresses: readonly string[]): void {
    this.#onLoopback = addresses.length > 0 && addresses.every(isLoopback)
  }

  readonly onRequest = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void => {
    // What is not admitted has no connection any more that an answer could go to.
    if (!this.#pipelined.admits(reply)) return
    request.arrivedAt = this.#clock.monotonic()
    void reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
    const refused = this.#refusal(request, reply)
    if (refused !== undefined) done(refused)
    else if (request.method !== 'OPTIONS' || !this.#browsers.answeredPreflight(request, reply)) {
      done(request.is404 || namesNothing(request) ? this.#unknown(request) : notAcceptable(request))
    }
  }

  #refusal(request: FastifyRequest, reply: FastifyReply): BrokerError | undefined {
    if (this.#stopping.aborted) {
      return serverStopping(request.method)
    }
    const misdirected = this.#onLoopback ? this.#browsers.checkHost(request) : undefined
    return misdirected ?? this.#browsers.checkOrigin(request, reply)
  }

  #unknown(request: FastifyRequest): BrokerError {
    const path = request.url.split('?', 1)[0] ?? ''
    const methods = this.#routes.methodsOf(path)
    if (methods.length > 0) {
      const allow = methods.join(', ')
      return new BrokerError('METHOD_NOT_ALLOWED', `${request.method} is not offered on ${shown(path)}; ${allow} is.`, {
        facts: { allow },
      })
    }
    const near = this.#routes.nearest(path)
    const hint = near === undefined ? 'GET /openapi.json lists the paths there are.' : `Did you mean ${shown(near)}?`
    return new BrokerError('ROUTE_NOT_FOUND', `There is no path ${shown(path)}. ${hint}`)
  }
}

export function serverStopping(method: string): BrokerError {
  return new BrokerError('SERVER_STOPPING', 'The server is stopping: send the request to another one, or later.', {
    ...(method !== 'GET' && { stored: 'no' as const }),
  })
}

/** A path that ends with a slash: the router takes the nothing behind it for a name. */
function namesNothing(request: FastifyRequest): boolean {
  const { url } = request
  const end = url.indexOf('?')
  return url.charCodeAt((end < 0 ? url.length : end) - 1) === SLASH && request.routeOptions.config.produces !== '*'
}

function notAcceptable(request: FastifyRequest): BrokerError | undefined {
  const { accept } = request.headers
  if (accept === undefined || accept === '*/*') return undefined
  const produced = request.routeOptions.config.produces ?? 'application/json'
  if (produced === '*' || accepts(accept, produced)) return undefined
  return new BrokerError(
    'NOT_ACCEPTABLE',
    `This path answers in ${produced}, which the Accept header ${JSON.stringify(accept.slice(0, 128))} does not take.`,
  )
}

function shown(path: string): string {
  return path.length <= 128 ? path : `${path.slice(0, 124)}…`
}
