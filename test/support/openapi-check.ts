import assert from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { App } from '../../src/http/controller.ts'

interface Media {
  readonly schema?: object
}
interface ReplyDescription {
  readonly content?: Readonly<Record<string, Media>>
}
interface Operation {
  readonly operationId: string
  readonly responses: Readonly<Record<string, ReplyDescription>>
}

/**
 * Holds every reply of the server against its own OpenAPI document: status, media type, schema. A reply that the
 * document does not promise becomes a 500 whose reason fails the test that asked.
 */
export function checkReplies(app: App): void {
  let check: ReplyCheck | undefined
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.is404 || request.url.startsWith('/docs') || request.url.startsWith('/openapi')) return payload
    if (request.method === 'OPTIONS') return payload
    check ??= new ReplyCheck(app.swagger())
    const path = (request.routeOptions.url ?? '').replace(/:(\w+)/g, '{$1}')
    const type = String(reply.getHeader('content-type') ?? '')
    check.reply(request.method, path, reply.statusCode, type, payload)
    return payload
  })
}

class ReplyCheck {
  readonly #document: object
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })

  constructor(document: object) {
    this.#document = document
    this.#ajv.addSchema(document, 'api')
  }

  reply(method: string, path: string, status: number, type: string, payload: unknown): void {
    const operation = this.#operation(method, path)
    assert.ok(operation, `${method} ${path} is not in the document`)
    const key = [String(status), `${Math.floor(status / 100)}XX`, 'default'].find((name) => name in operation.responses)
    assert.ok(key !== undefined, `${operation.operationId} does not promise ${status}`)
    const { content } = operation.responses[key]!
    if (content === undefined) {
      assert.ok(payload === undefined || payload === null || payload === '', `${operation.operationId} sent a body`)
      return
    }
    const mediaType = type.split(';', 1)[0] ?? ''
    assert.ok(mediaType in content, `${operation.operationId} ${key} does not promise ${type}`)
    if (!/^application\/(.+\+)?json$/.test(mediaType)) return
    const pointer = ['paths', path, method.toLowerCase(), 'responses', key, 'content', mediaType, 'schema']
      .map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'))
      .map(encodeURIComponent)
      .join('/')
    const validate = this.#ajv.getSchema(`api#/${pointer}`)
    assert.ok(validate, `no schema at ${pointer}`)
    const reply: unknown = JSON.parse(String(payload))
    assert.ok(validate(reply), `${operation.operationId} ${key}: ${this.#ajv.errorsText(validate.errors)}`)
  }

  #operation(method: string, path: string): Operation | undefined {
    const paths: Record<string, Record<string, Operation>> = Object(Reflect.get(this.#document, 'paths'))
    return paths[path]?.[method.toLowerCase()]
  }
}
