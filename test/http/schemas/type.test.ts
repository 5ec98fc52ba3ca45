import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type as TypeBox } from 'typebox'
import { Type } from '../../../src/http/schemas/type.ts'

const ours = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'A name.' }),
    size: Type.Optional(Type.Integer({ minimum: 0, format: 'int64' })),
    share: Type.Number({ maximum: 1 }),
    isOn: Type.Optional(Type.Boolean({ default: true })),
    gone: Type.Null({ description: 'It is gone.' }),
    any: Type.Unknown({ description: 'Any JSON.' }),
    list: Type.Array(Type.Optional(Type.String()), { maxItems: 3 }),
    named: Type.Record(Type.String(), Type.Integer()),
    either: Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'] })),
    inner: Type.Object({ size: Type.Optional(Type.Integer()) }, { $id: 'Inner' }),
  },
  { $id: 'Outer', additionalProperties: false },
)
const theirs = TypeBox.Object(
  {
    name: TypeBox.String({ minLength: 1, description: 'A name.' }),
    size: TypeBox.Optional(TypeBox.Integer({ minimum: 0, format: 'int64' })),
    share: TypeBox.Number({ maximum: 1 }),
    isOn: TypeBox.Optional(TypeBox.Boolean({ default: true })),
    gone: TypeBox.Null({ description: 'It is gone.' }),
    any: TypeBox.Unknown({ description: 'Any JSON.' }),
    list: TypeBox.Array(TypeBox.Optional(TypeBox.String()), { maxItems: 3 }),
    named: TypeBox.Record(TypeBox.String(), TypeBox.Integer()),
    either: TypeBox.Optional(TypeBox.Unsafe<string | null>({ type: ['string', 'null'] })),
    inner: TypeBox.Object({ size: TypeBox.Optional(TypeBox.Integer()) }, { $id: 'Inner' }),
  },
  { $id: 'Outer', additionalProperties: false },
)

test('schemas are spelled as TypeBox spells them, members in the same order', () => {
  assert.equal(JSON.stringify(ours), JSON.stringify(theirs))
})

test('what is made of an optional member is not optional itself, and keeps no trace of it', () => {
  const optional = Type.Optional(Type.String({ description: 'It may be absent.' }))
  assert.deepEqual(Type.Object({ member: optional }), { type: 'object', properties: { member: optional } })
  const { required } = Type.Object({ member: { ...optional } })
  assert.deepEqual(required, ['member'])
  assert.deepEqual(Object.keys(optional), ['type', 'description'])
})
