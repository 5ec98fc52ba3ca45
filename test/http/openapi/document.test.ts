import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { generateOpenApi } from '../../../src/http/openapi/generate-open-api.ts'

interface Schema {
  readonly type?: string | readonly string[]
  readonly [keyword: string]: unknown
}
interface Media {
  readonly schema: Schema
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}
interface Content {
  readonly content?: Readonly<Record<string, Media>>
}
interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly schema: Schema
  readonly example?: unknown
}
interface Operation {
  readonly operationId: string
  readonly summary?: string
  readonly tags: readonly string[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content>>
}
interface Document {
  readonly openapi: string
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

const text = JSON.stringify(await generateOpenApi(), null, 2)
const document: Document = JSON.parse(text)
const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
const medias = operations.flatMap(({ operationId, requestBody, responses }) =>
  [requestBody ?? {}, ...Object.values(responses)].flatMap(({ content = {} }) =>
    Object.entries(content).map(([type, media]) => ({ operationId, type, media })),
  ),
)

test('openapi/openapi.json is current', () => {
  const committed = readFileSync(new URL('../../../openapi/openapi.json', import.meta.url), 'utf8')
  assert.equal(committed, `${text}\n`, 'run `npm run generate`')
})

test('each operation has a name of its own, one declared tag and its problems', () => {
  const declared = document.tags.map(({ name }) => name)
  const ids = operations.map(({ operationId }) => operationId)
  assert.equal(new Set(ids).size, ids.length)
  for (const { operationId, summary, tags, responses } of operations) {
    assert.match(operationId, /^[a-z][A-Za-z0-9]*$/)
    assert.ok(summary, operationId)
    assert.equal(tags.length, 1, operationId)
    assert.ok(declared.includes(tags[0] ?? ''), operationId)
    for (const status of ['4XX', 'default']) {
      const schema = responses[status]?.content?.['application/problem+json']?.schema
      assert.deepEqual(schema, { $ref: '#/components/schemas/Problem' }, `${operationId} ${status}`)
    }
  }
})

test('every object is a named component, and none is one of several', () => {
  assert.doesNotMatch(text, /"(oneOf|anyOf|nullable)"/)
  for (const name of Object.keys(document.components.schemas)) assert.match(name, /^[A-Z][A-Za-z]*$/)
  for (const { operationId, type, media } of medias) {
    if (type.endsWith('json')) assert.ok('$ref' in media.schema, operationId)
  }
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    for (const [member, value] of Object.entries(Object(schema['properties']))) {
      const inline = typeof value === 'object' && value !== null && 'properties' in value
      assert.ok(!inline, `${name}.${member} is an inline object`)
    }
  }
})

test('requests are strict, replies are open', () => {
  const requests = new Set(
    operations.flatMap(({ requestBody }) =>
      Object.values(requestBody?.content ?? {}).map(({ schema }) => schema['$ref']),
    ),
  )
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    if (requests.has(`#/components/schemas/${name}`)) assert.equal(schema['additionalProperties'], false, name)
  }
  for (const { operationId, responses } of operations) {
    const schema = String(responses['200']?.content?.['application/json']?.schema['$ref']).split('/').at(-1) ?? ''
    assert.notEqual(document.components.schemas[schema]?.['additionalProperties'], false, operationId)
  }
})

test('every parameter has an example; every body has one that is valid', () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false }).addSchema(document, 'api')
  const valid = (schema: Schema, value: unknown): boolean => {
    const reference = schema['$ref']
    const known = typeof reference === 'string' ? { $ref: `api${reference}` } : schema
    return ajv.validate(known, value)
  }
  for (const { operationId, parameters = [] } of operations) {
    for (const { name, schema, example, required } of parameters) {
      assert.ok(example !== undefined, `${operationId} ${name}`)
      assert.ok(valid(schema, example), `${operationId} ${name}`)
      assert.ok(schema['default'] === undefined || required !== true, `${operationId} ${name} has a default`)
    }
  }
  for (const { operationId, type, media } of medias) {
    // Bytes have no form in the document.
    if (media.schema['format'] === 'binary') continue
    const examples = Object.values(media.examples ?? {})
    assert.ok(examples.length > 0, `${operationId} ${type} has no example`)
    for (const { value } of examples) {
      assert.ok(valid(media.schema, value), `${operationId} ${type}: ${ajv.errorsText(ajv.errors)}`)
    }
  }
})

test('integers say how large they may be', () => {
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    for (const [member, value] of Object.entries<Schema>(Object(schema['properties']))) {
      const types = [value.type].flat()
      if (!types.includes('integer')) continue
      assert.ok(value['format'] === 'int32' || value['format'] === 'int64', `${name}.${member} has no format`)
      if (value['format'] === 'int64') assert.equal(value['maximum'], Number.MAX_SAFE_INTEGER, `${name}.${member}`)
    }
  }
})
