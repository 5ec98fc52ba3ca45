import type {
  TArray,
  TArrayOptions,
  TBoolean,
  TInteger,
  TNull,
  TNumber,
  TNumberOptions,
  TObject,
  TObjectOptions,
  TOptional,
  TProperties,
  TRecord,
  TSchema,
  TSchemaOptions,
  TString,
  TStringOptions,
  TUnknown,
  TUnsafe,
} from 'typebox'

/*
 * Makes the JSON Schemas that are used here, typed as TypeBox types them and spelled as TypeBox spells them. Of TypeBox
 * itself only the types are needed: loading its program, hundreds of files, would be a tenth of a start.
 *
 * TypeBox tells kinds apart by members that no schema has in the end; only types know of them here.
 */

const OPTIONAL = Symbol('optional')

function string(options?: TStringOptions): TString
function string(options?: TStringOptions): object {
  return { type: 'string', ...options }
}

function integer(options?: TNumberOptions): TInteger
function integer(options?: TNumberOptions): object {
  return { type: 'integer', ...options }
}

function number(options?: TNumberOptions): TNumber
function number(options?: TNumberOptions): object {
  return { type: 'number', ...options }
}

function boolean(options?: TSchemaOptions): TBoolean
function boolean(options?: TSchemaOptions): object {
  return { type: 'boolean', ...options }
}

function nothing(options?: TSchemaOptions): TNull
function nothing(options?: TSchemaOptions): object {
  return { type: 'null', ...options }
}

function unknown(options?: TSchemaOptions): TUnknown
function unknown(options?: TSchemaOptions): object {
  return { ...options }
}

function array<T extends TSchema>(items: T, options?: TArrayOptions): TArray<T>
function array(items: TSchema, options?: TArrayOptions): object {
  return { type: 'array', items, ...options }
}

/** A member that may be absent. */
function optional<T extends TSchema>(schema: T): TOptional<T>
function optional(schema: TSchema): object {
  // Not enumerable: no schema shows it, and none that is made of this one has it.
  return Object.defineProperty({ ...schema }, OPTIONAL, { value: true })
}

function object<P extends TProperties>(properties: P, options?: TObjectOptions): TObject<P>
function object(properties: TProperties, options?: TObjectOptions): object {
  const required = Object.keys(properties).filter((name) => !(OPTIONAL in (properties[name] ?? {})))
  return { type: 'object', ...(required.length > 0 && { required }), properties, ...options }
}

/** Members of any name. */
function record<T extends TSchema>(keys: TString, value: T): TRecord<'^.*$', T>
function record(_keys: TString, value: TSchema): object {
  return { type: 'object', patternProperties: { '^.*$': value } }
}

/** Any schema, typed by whoever knows better. */
function unsafe<T>(schema: TSchema): TUnsafe<T>
function unsafe(schema: TSchema): object {
  return { ...schema }
}

export const Type = {
  Array: array,
  Boolean: boolean,
  Integer: integer,
  Null: nothing,
  Number: number,
  Object: object,
  Optional: optional,
  Record: record,
  String: string,
  Unknown: unknown,
  Unsafe: unsafe,
} as const
