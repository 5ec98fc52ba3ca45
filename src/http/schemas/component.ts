import type { Static, TObject, TProperties, TSchema, TUnsafe } from 'typebox'
import { Type } from './type.ts'

/** A named component of the OpenAPI document, for replies: further members may be added to it later. */
export function component<P extends TProperties>(name: string, description: string, properties: P): TObject<P> {
  return Type.Object(properties, { $id: name, description })
}

/** A named component for request bodies: a member that is not listed is refused by name. */
export function requestComponent<P extends TProperties>(name: string, description: string, properties: P): TObject<P> {
  return Type.Object(properties, { $id: name, description, additionalProperties: false })
}

/** What a schema describes, read only: a reply may be made of what the broker keeps. */
export type Immutable<T> = T extends object ? { readonly [K in keyof T]: Immutable<T[K]> } : T

/** A reference to a component, typed as what it refers to. */
export function ref<T extends TSchema>(schema: T): TUnsafe<Immutable<Static<T>>> {
  return Type.Unsafe<Immutable<Static<T>>>({ $ref: `${idOf(schema)}#` })
}

export function idOf(schema: TSchema): string {
  if (!('$id' in schema) || typeof schema.$id !== 'string') throw new TypeError('the schema is no component')
  return schema.$id
}
