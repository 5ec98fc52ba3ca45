import type { Static, TSchema, TUnsafe } from 'typebox'
import { Type } from './type.ts'

type Typed = TSchema & { readonly type?: unknown; readonly enum?: readonly unknown[] }

/** The schema's type or null, spelled as a type array, which all generators of clients take. */
export function nullable<T extends Typed>(schema: T): TUnsafe<Static<T> | null> {
  const choices = schema.enum === undefined ? {} : { enum: [...schema.enum, null] }
  return Type.Unsafe<Static<T> | null>({ ...schema, ...choices, type: [schema.type, 'null'] })
}

/** An optional member of a request: null means that it is absent. */
export function orAbsent<T extends Typed>(schema: T) {
  return Type.Optional(nullable(schema))
}

/** The value of an optional member, null read as absent. */
export function given<T>(value: T | null | undefined): T | undefined {
  return value ?? undefined
}
