import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { type ApiServer, type ApiServerOptions, startApi } from './api-server.ts'

type Line = Readonly<Record<string, unknown>>

function linesOf({ log }: ApiServer): Line[] {
  return log.map((line) => JSON.parse(line) as Line)
}

async function publishTo(server: ApiServer, topic: string): Promise<void> {
  const { status } = await server.api.post(`/topics/${topic}/records`).send({ records: [{ value: 'a' }] })
  assert.equal(status, 503)
}

async function failingApi(t: Parameters<typeof startApi>[0], logLevel: ApiServerOptions['logLevel']) {
  const server = await startApi(t, { ...(logLevel !== undefined && { logLevel }) })
  for (const [topic, code] of [
    ['away', 'BROKER_NOT_AVAILABLE'],
    ['moving', 'LEADER_NOT_AVAILABLE'],
  ] as const) {
    await server.api.put(`/topics/${topic}`).send({ partitions: 1 })
    const log = server.engine.memoryPartition(topic, 0)
    log.failure = new BrokerError(code, `Nobody stores for ${topic}.`, { stored: 'no', cause: new Error('why') })
  }
  return server
}

test('an outage is told of when it begins, once a minute while it lasts, and when it is over, with counts', async (t) => {
  const server = await failingApi(t, 'info')
  await publishTo(server, 'away')
  const [begins, ...others] = linesOf(server)
  assert.deepEqual(
    [begins?.['level'], begins?.['msg'], begins?.['code'], begins?.['reason']],
    [40, 'requests cannot be served', 'BROKER_NOT_AVAILABLE', 'Nobody stores for away.'],
  )
  assert.equal(others.length, 0)
  for (let seconds = 0; seconds < 65; seconds += 5) {
    await publishTo(server, seconds % 2 === 0 ? 'away' : 'moving')
    server.clock.advance(5000)
  }
  server.clock.advance(20_000)
  const lines = linesOf(server)
  assert.deepEqual(
    lines.slice(1).map(({ level, msg }) => [level, msg]),
    [
      [40, 'requests still cannot be served'],
      [30, 'no more requests are refused'],
    ],
  )
  assert.deepEqual(lines.at(-1)?.['refused'], { BROKER_NOT_AVAILABLE: 8, LEADER_NOT_AVAILABLE: 6 })
  assert.equal(lines.at(-1)?.['forMs'], 60_000)
  assert.doesNotMatch(server.log.join(''), /"stack"|\.ts:/)
  // The next one is another outage.
  await publishTo(server, 'moving')
  assert.equal(linesOf(server).at(-1)?.['code'], 'LEADER_NOT_AVAILABLE')
})

test('each request that could not be served is a line at debug, by which it can be found', async (t) => {
  const server = await failingApi(t, 'debug')
  await publishTo(server, 'away')
  await publishTo(server, 'away')
  const lines = linesOf(server).filter(({ msg }) => msg === 'a request could not be served')
  assert.equal(lines.length, 2)
  assert.deepEqual([lines[0]?.['status'], lines[0]?.['reason']], [503, 'Nobody stores for away.'])
  assert.ok(typeof lines[0]?.['requestId'] === 'string')
  assert.equal('err' in (lines[0] ?? {}), false)
})
