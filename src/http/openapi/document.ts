import swagger from '@fastify/swagger'
import type { RouteOptions } from 'fastify'
import type { App } from '../controller.ts'
import type { RouteExamples } from '../route-config.ts'

type Json = null | boolean | number | string | Json[] | { [member: string]: Json | undefined }
type JsonObject = { [member: string]: Json | undefined }

const description = `An event log you drive with HTTP: Apache Kafka’s semantics behind a REST API.

Offsets, timestamps and sizes are integers up to 2^53 − 1. Timestamps are Unix milliseconds; parameters that take a time
also take ISO 8601 and times back from now such as \`-15m\`. Unknown parameters and members of bodies are refused.
Replies may get further members. Every error is a \`Problem\`.`

const tags = [
  { name: 'Topics', description: 'Create, describe, change and delete topics.' },
  { name: 'Records', description: 'Publish and read records.' },
  { name: 'Groups', description: 'Consumer groups and their committed offsets.' },
  { name: 'Cluster', description: 'What runs here.' },
  { name: 'Health', description: 'Probes and metrics.' },
]

/** Collects the routes that are registered afterwards into the OpenAPI document, `app.swagger()`. */
export function documentApi(app: App): void {
  const examples = new Map<string, RouteExamples>()
  app.addHook('onRoute', (route: RouteOptions) => {
    const { operationId } = route.schema ?? {}
    if (operationId !== undefined && route.config?.examples !== undefined) {
      examples.set(operationId, route.config.examples)
    }
  })
  void app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Posthorn',
        version: '1',
        description,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'This server.' }],
      tags,
      security: [{}, { bearer: [] }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'Not asked for unless the server is set up so.' },
        },
      },
    },
    convertConstToEnum: false,
    // Components keep the names of their schemas.
    refResolver: { buildLocalReference: (json) => String(json['$id']).replace('#', '') },
    transformObject: (given) => {
      if (!('openapiObject' in given)) return given.swaggerObject
      withExamples(given.openapiObject, examples)
      return given.openapiObject
    },
  })
}

/** Puts the examples where generators and the documentation pages look for them: at the media types. */
function withExamples(document: object, examples: ReadonlyMap<string, RouteExamples>): void {
  for (const path of Object.values(objectAt(document, 'paths'))) {
    for (const operation of Object.values(isObject(path) ? path : {})) {
      if (!isObject(operation)) continue
      defaultsAreOptional(operation)
      const example = examples.get(String(operation['operationId']))
      const body = objectAt(operation, 'requestBody')
      if (example?.request !== undefined) exemplify(body, example.request)
      if (Object.keys(body).length > 0 && body['required'] === undefined) body['required'] = true
      const replies = objectAt(operation, 'responses')
      for (const [status, reply] of Object.entries(replies)) {
        if (isObject(reply)) exemplify(reply, example?.replies?.[status])
      }
      problemExamples(replies)
    }
  }
}

/** The server puts defaults in before it asks whether a parameter is there. */
function defaultsAreOptional(operation: JsonObject): void {
  for (const parameter of Object.values(operation['parameters'] ?? [])) {
    if (isObject(parameter) && objectAt(parameter, 'schema')['default'] !== undefined) parameter['required'] = false
  }
}

function problemExamples(replies: JsonObject): void {
  exemplify(objectAt(replies, '4XX'), exampleProblem)
  exemplify(objectAt(replies, 'default'), exampleFailure)
}

function exemplify(holder: JsonObject, value: unknown): void {
  if (value === undefined) return
  for (const media of Object.values(objectAt(holder, 'content'))) {
    if (isObject(media)) media['examples'] = { example: { value: asJson(value) } }
  }
}

function asJson(value: unknown): Json {
  const copy: Json = JSON.parse(JSON.stringify(value))
  return copy
}

function objectAt(holder: object, name: string): JsonObject {
  const value: unknown = Object.entries(holder).find(([member]) => member === name)?.[1]
  return isObject(value) ? value : {}
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const exampleProblem = {
  type: '/docs/errors#UNKNOWN_TOPIC_OR_PARTITION',
  title: 'Unknown topic or partition',
  status: 404,
  detail: 'There is no topic "order". Create it with PUT /topics/{topic}; GET /topics lists those there are.',
  code: 'UNKNOWN_TOPIC_OR_PARTITION',
  retriable: false,
  recovery: 'none',
  requestId: 'm3k1x9-4f',
}

const exampleFailure = {
  type: '/docs/errors#KAFKA_STORAGE_ERROR',
  title: 'Storage error',
  status: 503,
  detail: 'The log directory /data has no space left; nothing was stored. Free some, or send the request again later.',
  code: 'KAFKA_STORAGE_ERROR',
  retriable: true,
  recovery: 'retry',
  stored: 'no',
  requestId: 'm3k1x9-4g',
}
