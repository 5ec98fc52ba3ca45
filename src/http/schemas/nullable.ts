import { Type, type Static, type TSchema, type TUnsafe } from 'typebox'

/** The schema's type or null, spelled as a type array, which all generators of clients take. */
export function nullable<T extends TSchema & { readonly type?: unknown }>(schema: T): TUnsafe<Static<T> | null> {
  return Type.Unsafe<Static<T> | null>({ ...schema, type: [schema.type, 'null'] })
}

/** An optional member of a request: null means that it is absent. */
export function orAbsent<T extends TSchema & { readonly type?: unknown }>(schema: T) {
  return Type.Optional(nullable(schema))
}

/** The value of an optional member, null read as absent. */
export function given<T>(value: T | null | undefined): T | undefined {
  return value ?? undefined
}
