import { Ajv, type ErrorObject } from 'ajv'
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { BrokerError, type FieldError } from '../broker/broker-error.ts'
import type { ErrorCode } from '../broker/error-catalogue.ts'
import { nearMiss } from '../broker/near-miss.ts'
import { parameterCoercion } from './parameter-coercion.ts'
import { idOf } from './schemas/component.ts'
import { SETTING } from './schemas/integers.ts'

/** Codes other than INVALID_REQUEST, by the parameter at fault. */
const codeByPointer: ReadonlyMap<string, ErrorCode> = new Map([['?acks', 'INVALID_REQUIRED_ACKS']])

/**
 * Checks requests against the schemas of their routes. Parameters are text, so they are turned into the types the schema
 * asks for and get their defaults; a body is taken as it is. What a schema does not name is refused.
 */
export function requestValidator(components: readonly TSchema[]): FastifySchemaCompiler<TSchema> {
  const parameters = new Ajv({ ...ajvOptions, useDefaults: true })
  const bodies = new Ajv(ajvOptions)
  for (const ajv of [parameters, bodies]) {
    ajv.addFormat('int32', true).addFormat('int64', true).addVocabulary(['example', SETTING])
    for (const schema of components) ajv.addSchema(schema, `${idOf(schema)}#`)
  }
  const checkOf = ({ schema, httpPart }: RequestPart): Check => {
    const validate = (httpPart === 'body' ? bodies : parameters).compile(schema)
    const coerce = httpPart === 'body' ? undefined : parameterCoercion(schema)
    const defaults = httpPart === 'querystring' ? defaultsOf(validate) : undefined
    return (value: unknown) => {
      if (defaults !== undefined && isRecord(value) && isEmpty(value)) return defaults
      if (isRecord(value)) coerce?.(value)
      if (validate(value)) return { value }
      return { error: validationError(validate.errors ?? [], httpPart ?? 'body') }
    }
  }
  return (part) => {
    let check: Check | undefined
    // Compiled for the first request of its kind: all of them together take a tenth of a second.
    return (value) => (check ??= checkOf(part))(value)
  }
}

type RequestPart = Pick<Parameters<FastifySchemaCompiler<TSchema>>[0], 'schema' | 'httpPart'>
type Check = (value: unknown) => { readonly value: unknown } | { readonly error: BrokerError }

/** What becomes of a query without parameters, which is most of them: the same each time. None where one is required. */
function defaultsOf(validate: (value: unknown) => boolean): { readonly value: object } | undefined {
  const value = {}
  return validate(value) ? { value: Object.freeze(value) } : undefined
}

function isEmpty(value: object): boolean {
  for (const _name in value) return false
  return true
}

const ajvOptions = {
  allErrors: true,
  // The errors hold the value at fault.
  verbose: true,
  strict: true,
  allowUnionTypes: true,
  strictRequired: false,
  // Ours, and compiled strictly: to hold them against JSON Schema's own schema, that would have to be compiled first.
  meta: false,
  validateSchema: false,
} as const

function validationError(errors: readonly ErrorObject[], part: string): BrokerError {
  const faults = onePerPlace(errors.map((error) => faultOf(error, part)))
  const [first] = faults
  const code = codeByPointer.get(first?.pointer ?? '') ?? 'INVALID_REQUEST'
  const others = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  return new BrokerError(code, `${first?.detail ?? 'The request is invalid.'}${others}`, { errors: faults })
}

/** A value of a wrong type breaks the other rules of its schema as well. */
function onePerPlace(faults: readonly FieldError[]): FieldError[] {
  return [...new Map(faults.toReversed().map((fault) => [fault.pointer, fault])).values()].toReversed()
}

function faultOf(error: ErrorObject, part: string): FieldError {
  const unknown = textParam(error, 'additionalProperty')
  if (error.keyword === 'additionalProperties' && unknown !== undefined) return unknownMember(error, unknown, part)
  const missing = textParam(error, 'missingProperty')
  if (error.keyword === 'required' && missing !== undefined) {
    const pointer = pointerOf(part, error.instancePath, missing)
    return { pointer, detail: `${nounOf(part)} "${missing}" is required and missing.` }
  }
  const pointer = pointerOf(part, error.instancePath)
  const name = lastToken(error.instancePath)
  const subject = name === '' ? 'The body' : `${nounOf(part)} "${name}"`
  return { pointer, detail: `${subject} is ${shown(error.data)}: it ${ruleOf(error, part)}.` }
}

function unknownMember(error: ErrorObject, name: string, part: string): FieldError {
  const parent: unknown = error.parentSchema
  const known = hasProperties(parent) ? Object.keys(parent.properties) : []
  const near = nearMiss(name, known)
  const hint = near === undefined ? allowed(known) : `did you mean "${near}"?`
  const given = name.length <= 64 ? name : `${name.slice(0, 60)}…`
  const where = part === 'body' ? 'here' : 'of this path'
  const noun = part === 'body' ? 'member' : 'parameter'
  return {
    pointer: pointerOf(part, error.instancePath, given),
    detail: `${JSON.stringify(given)} is no ${noun} ${where}: ${hint}`,
  }
}

function allowed(known: readonly string[]): string {
  return known.length === 0 ? 'there are none.' : `there are ${known.join(', ')}.`
}

function ruleOf(error: ErrorObject, part: string): string {
  const rule = valueRule(error)
  return part !== 'body' && Array.isArray(error.data) ? `${rule} and be given once` : rule
}

function valueRule(error: ErrorObject): string {
  if (error.keyword === 'enum' && Array.isArray(error.schema)) return `must be one of ${error.schema.join(', ')}`
  const { type, minimum, maximum, [SETTING]: setting } = isRecord(error.parentSchema) ? error.parentSchema : {}
  const types = Array.isArray(type) ? type : [type]
  if (numberRules.has(error.keyword) && types.includes('integer')) {
    const range = `must be an integer from ${String(minimum)} to ${String(maximum)}`
    return typeof setting === 'string' ? `${range} (${setting})` : range
  }
  if (error.keyword === 'type') return `must be of type ${types.join(' or ')}`
  return error.message ?? 'is invalid'
}

const numberRules: ReadonlySet<string> = new Set(['type', 'minimum', 'maximum'])

/** `/configs/x` for the body, `?limit` for the query, the bare name for a part of the path. */
function pointerOf(part: string, instancePath: string, member?: string): string {
  const tail = member === undefined ? '' : `/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`
  if (part === 'body') return `${instancePath}${tail}`
  const name = member ?? lastToken(instancePath)
  return part === 'querystring' ? `?${name}` : name
}

function nounOf(part: string): string {
  if (part === 'body') return 'The member'
  if (part === 'headers') return 'The header'
  return part === 'querystring' ? 'The parameter' : 'In the path,'
}

function lastToken(instancePath: string): string {
  const token = instancePath.slice(instancePath.lastIndexOf('/') + 1)
  return token.replaceAll('~1', '/').replaceAll('~0', '~')
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length <= 80 ? text : `${text.slice(0, 76)}…`
}

function textParam(error: ErrorObject, name: string): string | undefined {
  const value: unknown = error.params[name]
  return typeof value === 'string' ? value : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function hasProperties(schema: unknown): schema is { properties: object } {
  return (
    typeof schema === 'object' &&
    schema !== null &&
    'properties' in schema &&
    typeof schema.properties === 'object' &&
    schema.properties !== null
  )
}
