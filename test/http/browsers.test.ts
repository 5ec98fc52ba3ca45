import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { test } from 'node:test'
import { isLoopback } from '../../src/http/browsers.ts'
import { startApi } from './api-server.ts'

test('a loopback listener answers to loopback names and allowed hosts only', async (t) => {
  const { api } = await startApi(t, { allowedHosts: ['posthorn.test'] })
  for (const host of ['localhost:8082', '127.0.0.1', '[::1]:80', 'LOCALHOST', 'app.localhost', 'posthorn.test:1']) {
    assert.equal((await api.get('/health/live').set('Host', host)).status, 200, host)
  }
  for (const host of ['evil.test', 'localhost.evil.test', '127.0.0.1.evil.test', '192.168.0.1', 'x@localhost:evil']) {
    const answer = await api.get('/health/live').set('Host', host)
    assert.deepEqual([answer.status, answer.body.code], [421, 'MISDIRECTED_REQUEST'], host)
  }
})

test('a change that a page of another site asks for is refused before its body is read', async (t) => {
  const { url, api, engine } = await startApi(t)
  const answer = await new Promise<{ status: number | undefined; connection: string | undefined }>(
    (resolve, reject) => {
      const sent = httpRequest(`${url}/topics`, {
        method: 'POST',
        headers: { Origin: 'https://evil.test', 'Content-Type': 'application/json', 'Content-Length': '1000' },
      })
      sent.on('response', (reply) => resolve({ status: reply.statusCode, connection: reply.headers.connection }))
      sent.on('error', reject)
      t.after(() => sent.destroy())
      // The body never comes.
      sent.flushHeaders()
    },
  )
  assert.deepEqual(answer, { status: 403, connection: 'close' })
  assert.deepEqual(engine.list(), [])
  const refused = await api.delete('/topics/x').set('Origin', 'null')
  assert.deepEqual([refused.status, refused.body.code], [403, 'ORIGIN_NOT_ALLOWED'])
})

test('a page of this server may do all, and other pages’ reads get no leave to be read', async (t) => {
  const { api, url } = await startApi(t)
  await api.put('/topics/a').set('Origin', url).send({}).expect(201)
  const read = await api.get('/topics').set('Origin', 'https://evil.test')
  assert.equal(read.status, 200)
  assert.equal(read.headers['access-control-allow-origin'], undefined)
})

test('an allowed origin passes, preflight included', async (t) => {
  const origin = 'https://dashboard.test'
  const { api } = await startApi(t, { corsAllowedOrigins: [origin] })
  const preflight = await api
    .options('/topics/a')
    .set({ Origin: origin, 'Access-Control-Request-Method': 'PUT', 'Access-Control-Request-Headers': 'content-type' })
  assert.equal(preflight.status, 204)
  assert.equal(preflight.headers['access-control-allow-origin'], origin)
  assert.match(preflight.headers['access-control-allow-methods'] ?? '', /PUT/)
  assert.match(preflight.headers['access-control-allow-headers'] ?? '', /Content-Type, Authorization, Producer-Id/)
  const put = await api.put('/topics/a').set('Origin', origin).send({})
  assert.equal(put.status, 201)
  assert.equal(put.headers['access-control-allow-origin'], origin)
  assert.match(put.headers['access-control-expose-headers'] ?? '', /Location, Retry-After, ETag/)
  assert.equal(put.headers['vary'], 'Origin')
  const foreign = await api
    .options('/topics/a')
    .set({ Origin: 'https://evil.test', 'Access-Control-Request-Method': 'PUT' })
  assert.equal(foreign.status, 403)
})

test('nothing is kept by caches but a record by its address', async (t) => {
  const { api } = await startApi(t)
  const answers = [await api.get('/topics'), await api.get('/nowhere'), await api.get('/openapi.json')]
  for (const { headers } of answers) {
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['x-content-type-options'], 'nosniff')
  }
})

test('loopback is what only this machine can be reached by', () => {
  for (const host of ['localhost', 'a.localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]', '::ffff:127.0.0.1']) {
    assert.ok(isLoopback(host), host)
  }
  for (const host of ['', '0.0.0.0', '::', '128.0.0.1', '127.0.0.1.evil.test', 'notlocalhost', '10.0.0.1']) {
    assert.ok(!isLoopback(host), host)
  }
})
