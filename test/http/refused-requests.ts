import assert from 'node:assert/strict'
import type { ApiServer } from './api-server.ts'

export interface Expected {
  readonly status: number
  readonly code: string
  readonly detail?: RegExp
  readonly pointer?: string
}

/** Every refusal is a problem document that names its fault; nothing is stored by it. */
export async function refused(
  answer: PromiseLike<{ status: number; type: string; body: Problem }>,
  expected: Expected,
) {
  const { status, type, body } = await answer
  assert.equal(status, expected.status, JSON.stringify(body))
  assert.equal(type, 'application/problem+json')
  assert.equal(body.status, expected.status)
  assert.equal(body.code, expected.code, body.detail)
  assert.equal(body.type, `/docs/errors#${expected.code}`)
  assert.equal(typeof body.retriable, 'boolean')
  assert.ok(body.requestId)
  if (expected.detail !== undefined) assert.match(body.detail, expected.detail)
  if (expected.pointer !== undefined) assert.equal(body.errors?.[0]?.pointer, expected.pointer)
  return body
}

export interface Problem {
  readonly status: number
  readonly code: string
  readonly type: string
  readonly detail: string
  readonly retriable: boolean
  readonly requestId: string
  readonly stored?: string
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
  readonly [fact: string]: unknown
}

export async function withTopic(server: ApiServer, partitions = 2): Promise<ApiServer['api']> {
  await server.api.put('/topics/orders').send({ partitions }).expect(201)
  return server.api
}
