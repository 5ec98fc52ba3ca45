import {
  fastify,
  type FastifySchemaCompiler,
  type onSendHookHandler,
  type preHandlerHookHandler,
  type preValidationHookHandler,
} from 'fastify'
import type { TSchema } from 'typebox'
import type { App } from './controller.ts'
import { clientErrorHandler, errorHandler } from './error-handler.ts'
import { documentApi } from './openapi/document.ts'
import { servePages } from './openapi/pages.ts'
import { parseControlBody } from './json/control-body.ts'
import { ANY_MEDIA_TYPE, CONSUMED_MEDIA_TYPES, consumedBy, LINES_MEDIA_TYPE } from './media-types.ts'
import { refuseContentType, RequestBodies, type BodyParser } from './request-body.ts'
import { PipelinedRequests } from './pipelined-requests.ts'
import { RequestGate, serverStopping } from './request-gate.ts'
import { requestIds } from './request-id.ts'
import { requestValidator } from './request-validation.ts'
import { RouteTable } from './route-table.ts'
import { idOf } from './schemas/component.ts'
import { problemComponents } from './schemas/problem.ts'
import type { AnswerObserver, ServerDependencies } from './server-dependencies.ts'
import { StalledConnections } from './stalled-connections.ts'
import { UnhurriedBodies } from './unhurried-bodies.ts'
import './route-config.ts'
import { Type } from './schemas/type.ts'

/** How often Node looks for requests whose headers or body are late. */
const CONNECTIONS_CHECKING_INTERVAL_MS = 2000
/** A topic name has 249 characters, each up to three in a URL. */
const MAX_PATH_PARAMETER_LENGTH = 1024

/** The HTTP server with all routes; the caller listens, closes, and aborts `stopping` before it closes. */
export function buildServer(deps: ServerDependencies): App {
  const { options, logger } = deps
  const unhurried = new UnhurriedBodies()
  const app: App = fastify({
    // Fastify would make a child logger for each request. What happens to requests is logged by the error handler, and
    // by logRequests.
    logger: false,
    requestIdHeader: false,
    genReqId: requestIds(deps.clock),
    bodyLimit: options.requestMaxBytes,
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: options.connectionsMaxIdleMs,
    http: {
      headersTimeout: options.headersTimeoutMs,
      connectionsCheckingInterval: CONNECTIONS_CHECKING_INTERVAL_MS,
    },
    exposeHeadRoutes: false,
    // The gate answers as the other errors are answered.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { caseSensitive: true, maxParamLength: MAX_PATH_PARAMETER_LENGTH },
    clientErrorHandler: clientErrorHandler(logger, unhurried),
    frameworkErrors: (error, request, reply) => errorHandler(deps.load.refusals)(error, request, reply),
  })
  handleRequests(app, deps, unhurried)
  documentApi(app)
  void app.register(servePages)
  void app.register(async (api: App) => {
    for (const controller of deps.controllers) controller.routes(api)
  })
  return app
}

function handleRequests(app: App, deps: ServerDependencies, unhurried: UnhurriedBodies): void {
  const components = namedComponents(deps)
  for (const schema of components) app.addSchema(schema)
  const validator = requestValidator(components)
  app.setValidatorCompiler(validator)
  // Replies are sent as they are; the tests hold each against the OpenAPI document.
  app.setSerializerCompiler(() => (reply) => JSON.stringify(reply))
  app.setErrorHandler(errorHandler(deps.load.refusals))

  const routes = new RouteTable()
  const gate = new RequestGate(deps.options, routes, pipelined(deps), deps.clock, deps.stopping)
  prepareRoutes(app, deps, routes, validator)
  app.decorateRequest('arrivedAt', 0)
  app.decorateRequest('heldBytes', 0)
  app.decorateRequest('madeBytes', 0)
  app.addHook('onRequest', gate.onRequest)
  watchConnections(app, deps)
  app.server.maxConnections = deps.options.maxConnections
  app.server.on('drop', () => deps.logger.debug({ maxConnections: deps.options.maxConnections }, 'closed a connection'))
  app.server.on('listening', () => gate.listening(boundAddress(app)))

  readBodies(app, deps, unhurried)
  // After the stop, a connection is closed behind the reply under way instead of being kept for more.
  const stop = (): void => {
    app.server.keepAliveTimeout = 1
    deps.load.bodies.refuseWaiting(serverStopping('POST'))
  }
  deps.stopping.addEventListener('abort', stop, { once: true })
  if (deps.logger.level === 'debug' || deps.logger.level === 'trace') logRequests(app, deps)
}

/** What each route gets as it is made: publish requests check their bodies themselves, in their turn. */
function prepareRoutes(
  app: App,
  deps: ServerDependencies,
  routes: RouteTable,
  validator: FastifySchemaCompiler<TSchema>,
): void {
  app.addHook('onRoute', (route) => {
    routes.add(route.url, route.method)
    if (route.url.startsWith('/docs')) route.config = { produces: '*', ...route.config }
    const { schema } = route
    if (schema?.operationId === undefined) return
    schema.querystring ??= noParameters
    const publishes = route.config?.publishes === true
    if (publishes) {
      route.validatorCompiler = parametersOnly(validator)
      route.preHandler = inTurn(deps)
    } else if (schema.body !== undefined) route.preValidation = parseBody
    const observe = deps.observeOperation?.(schema.operationId)
    route.onSend = answered(observe, deps)
  })
}

/** Bodies are read whole, but for those that are streams. */
function readBodies(app: App, deps: ServerDependencies, unhurried: UnhurriedBodies): void {
  const bodies = new RequestBodies(deps.options, deps.clock, deps.bodyBuffers, deps.load.bodies)
  app.removeAllContentTypeParsers()
  const parsers: Readonly<Record<string, BodyParser>> = { [LINES_MEDIA_TYPE]: streamed(unhurried) }
  for (const mediaType of CONSUMED_MEDIA_TYPES) {
    app.addContentTypeParser(mediaType, bodyOf(mediaType, parsers[mediaType] ?? bodies.parse, bodies.parse))
  }
  app.addContentTypeParser('*', bodyOf(undefined, refuseContentType, bodies.parse))
}

/** Each component once, also where several controllers list it. */
function namedComponents(deps: ServerDependencies): readonly TSchema[] {
  const byId = new Map<string, TSchema>()
  for (const schema of [...problemComponents, ...deps.controllers.flatMap(({ components }) => components)]) {
    byId.set(idOf(schema), schema)
  }
  return [...byId.values()]
}

/** The handlers of publish requests check the headers themselves: only then is it said what goes with what. */
function parametersOnly(validator: FastifySchemaCompiler<TSchema>): FastifySchemaCompiler<TSchema> {
  return (route) => (route.httpPart === 'body' || route.httpPart === 'headers' ? () => true : validator(route))
}

/** One path takes one media type, or any. */
function bodyOf(mediaType: string | undefined, parse: BodyParser, parseAny: BodyParser): BodyParser {
  return (request, payload, done) => {
    const consumed = consumedBy(request)
    if (consumed === ANY_MEDIA_TYPE) parseAny(request, payload, done)
    else if (consumed === mediaType) parse(request, payload, done)
    else refuseContentType(request, payload, done)
  }
}

/** The handler reads the body itself, as it comes. */
function streamed(unhurried: UnhurriedBodies): BodyParser {
  return (_request, payload, done) => {
    unhurried.add(payload)
    done(null, payload)
  }
}

const parseBody: preValidationHookHandler = (request, _reply, done) => {
  if (Buffer.isBuffer(request.body)) request.body = parseControlBody(request.body)
  done()
}

/** Behind the bodies that came before, a bounded number of them in a turn of the event loop. */
function inTurn({ load }: ServerDependencies): preHandlerHookHandler {
  return ({ body }, _reply, done) => load.publishTurns.take(Buffer.isBuffer(body) ? body.length : 0, done)
}

const noParameters = Type.Object({}, { additionalProperties: false })

/**
 * An answer counts when it is handed to the connection: how long its client takes to read it is not the server's time.
 * The request's body is not needed any more then.
 */
function answered(observe: AnswerObserver | undefined, { clock, load }: ServerDependencies): onSendHookHandler {
  return (request, reply, payload, done) => {
    observe?.(reply.statusCode, clock.monotonic() - request.arrivedAt)
    if (request.heldBytes > 0) load.bodies.answered(request, reply, payload)
    done()
  }
}

function pipelined({ options, load }: ServerDependencies): PipelinedRequests {
  return new PipelinedRequests(options.connectionInflightMaxRequests, () => load.shed('pipelining'))
}

function watchConnections(app: App, { options, clock, load }: ServerDependencies): void {
  const stalled = new StalledConnections(options.replyTimeoutMs, clock, () => load.shed('reply-timeout'))
  app.server.on('connection', stalled.watch)
}

function boundAddress(app: App): string[] {
  const bound = app.server.address()
  return typeof bound === 'object' && bound !== null ? [bound.address] : []
}

function logRequests(app: App, { logger }: ServerDependencies): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { id: requestId, method, url } = request
    logger.debug({ requestId, method, url, status: reply.statusCode, ms: reply.elapsedTime }, 'answered')
    done()
  })
}
