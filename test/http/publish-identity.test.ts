import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApi } from './api-server.ts'

const body = { records: [{ value: 'a' }] }

const faults: readonly (readonly [string, Record<string, string>, string, RegExp])[] = [
  ['a sequence of nobody', { 'Producer-Sequence': '0' }, 'Producer-Id', /no Producer-Id/],
  ['an epoch of nobody', { 'Producer-Epoch': '0' }, 'Producer-Id', /a Producer-Epoch, but no Producer-Id/],
  ['a producer that does not count', { 'Producer-Id': 'p' }, 'Producer-Sequence', /no Producer-Sequence/],
  [
    'a producer with an epoch that does not count',
    { 'Producer-Id': 'p', 'Producer-Epoch': '1' },
    'Producer-Sequence',
    /from 0/,
  ],
  [
    'a key and a producer',
    { 'Idempotency-Key': 'k', 'Producer-Id': 'p', 'Producer-Sequence': '0' },
    'Idempotency-Key',
    /an Idempotency-Key and a Producer-Id/,
  ],
  ['a key and an epoch', { 'Idempotency-Key': 'k', 'Producer-Epoch': '0' }, 'Idempotency-Key', /a Producer-Epoch/],
  ['an empty id', { 'Producer-Id': '', 'Producer-Sequence': '0' }, 'Producer-Id', /is "": it must be 1 to 128/],
  ['a long id', { 'Producer-Id': 'p'.repeat(129), 'Producer-Sequence': '0' }, 'Producer-Id', /1 to 128/],
  ['an id with a blank', { 'Producer-Id': 'a b', 'Producer-Sequence': '0' }, 'Producer-Id', /"a b".*no blanks/],
  ['an id beyond ASCII', { 'Producer-Id': 'caf\u00e9', 'Producer-Sequence': '0' }, 'Producer-Id', /percent-encoded/],
  ['an empty key', { 'Idempotency-Key': '' }, 'Idempotency-Key', /1 to 255/],
  ['a long key', { 'Idempotency-Key': 'k'.repeat(256) }, 'Idempotency-Key', /1 to 255/],
  ['a key beyond ASCII', { 'Idempotency-Key': '\u00fcber' }, 'Idempotency-Key', /visible ASCII/],
  ...['-1', '1.0', '01', '0x1', '', ' ', '9007199254740992', '99999999999999999999', 'one', '1e3', '+1'].map(
    (sequence) =>
      [
        `the sequence "${sequence}"`,
        { 'Producer-Id': 'p', 'Producer-Sequence': sequence },
        'Producer-Sequence',
        /an integer from 0 to 9007199254740991/,
      ] as const,
  ),
  ...['-1', '32768', '00', '1.5'].map(
    (epoch) =>
      [
        `the epoch "${epoch}"`,
        { 'Producer-Id': 'p', 'Producer-Sequence': '0', 'Producer-Epoch': epoch },
        'Producer-Epoch',
        /an integer from 0 to 32767/,
      ] as const,
  ),
]

test('headers that give no identity are refused, and nothing is stored', async (t) => {
  const { api } = await startApi(t)
  await api.put('/topics/orders').send({ partitions: 1 }).expect(201)
  for (const [what, headers, pointer, detail] of faults) {
    const { status, body: problem, text } = await api.post('/topics/orders/records').set(headers).send(body)
    assert.equal(status, 400, `${what}: ${text}`)
    assert.equal(problem.code, 'INVALID_REQUEST', what)
    assert.equal(problem.stored, 'no', what)
    assert.equal(problem.errors[0].pointer, pointer, what)
    assert.match(problem.detail, detail, what)
  }
  const { body: page } = await api.get('/topics/orders/partitions/0/records')
  assert.equal(page.highWatermark, 0)
})

test('a header that is given twice is refused', async (t) => {
  const { url } = await startApi(t)
  for (const name of ['Producer-Id', 'Producer-Epoch', 'Producer-Sequence', 'Idempotency-Key']) {
    const headers = new Headers({ 'content-type': 'application/json' })
    if (name !== 'Idempotency-Key') {
      headers.set('Producer-Id', 'p')
      headers.set('Producer-Sequence', '0')
    }
    headers.append(name, '0')
    if (headers.get(name) === '0') headers.append(name, '0')
    const response = await fetch(`${url}/topics/orders/records`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    assert.equal(response.status, 400, name)
    assert.match(await response.text(), /given once/, name)
  }
})

test('the longest and oddest values are taken', async (t) => {
  const { api } = await startApi(t)
  const odd = `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~`
  const post = (headers: Record<string, string>) => api.post('/topics/orders/records').set(headers).send(body)
  await post({ 'Producer-Id': odd, 'Producer-Sequence': '0', 'Producer-Epoch': '32767' }).expect(200)
  await post({ 'Producer-Id': 'p'.repeat(128), 'Producer-Sequence': '0' }).expect(200)
  await post({ 'Idempotency-Key': 'k'.repeat(255) }).expect(200)
  await post({ 'Idempotency-Key': odd }).expect(200)
  const { body: producer } = await api.get(`/topics/orders/producers/${encodeURIComponent(odd)}`).expect(200)
  assert.deepEqual(producer, { epoch: 32_767, nextSequence: 1 })
})

test('only acks=all goes with an identity', async (t) => {
  const { api } = await startApi(t)
  for (const acks of ['0', '1']) {
    for (const headers of [{ 'Idempotency-Key': 'k' }, { 'Producer-Id': 'p', 'Producer-Sequence': '0' }]) {
      const { status, body: problem } = await api.post(`/topics/orders/records?acks=${acks}`).set(headers).send(body)
      assert.equal(status, 400)
      assert.equal(problem.code, 'INVALID_REQUIRED_ACKS')
      assert.equal(problem.stored, 'no')
      assert.deepEqual(
        problem.errors.map(({ pointer }: { pointer: string }) => pointer),
        ['?acks'],
      )
    }
  }
  await api.get('/topics/orders').expect(404)
})
