import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { repositoryRoot } from '../tidy/source-files.ts'
import { ExampleConsumer, type ExampleName, exampleNames } from './groups/example-consumer.ts'
import { LiveGroup, GROUP, TOPIC } from './groups/live-group.ts'
import { RestartableServer } from './groups/restartable-server.ts'

const PARTITIONS = 6
const RECORDS = 3000

async function startGroup(t: TestContext, port: number) {
  const folder = tempDirectory(t)
  for (const name of ['data', 'journals']) mkdirSync(join(folder, name))
  const server = await RestartableServer.start(join(folder, 'data'), port, [])
  cleanUpBehind(t, () => server.stop())
  const group = new LiveGroup({ server, journals: join(folder, 'journals'), maxPollIntervalMs: 300_000 })
  await group.createTopic(PARTITIONS)
  const start = (name: ExampleName): ExampleConsumer => {
    const example = new ExampleConsumer(name, server.url, GROUP, TOPIC)
    cleanUpBehind(t, () => example.kill9())
    return example
  }
  return { server, group, start }
}

for (const [port, first, second] of [
  [18_783, 'consumer.ts', 'consumer.py'],
  [18_784, 'consumer.py', 'consumer.ts'],
] as const)
  test(`${first} shares its partitions with ${second}, and both go on after the server was restarted`, async (t) => {
    const { server, group, start } = await startGroup(t, port)
    const publishing = group.publish(RECORDS, 6000, 25)
    const alone = start(first)
    await group.until('the first one reads', 15_000, () => Promise.resolve(alone.reads))
    const joining = start(second)
    await group.until('both read', 15_000, () => Promise.resolve(joining.reads))
    await server.restart()
    await server.crashAndStart()
    await publishing
    await group.until('all is committed', 20_000, async () => (await group.lag()) === 0)
    const { members } = await group.describe()
    assert.equal(members.length, 2)
    await joining.stop()
    await group.publish(100, 100, 100)
    await group.until('the first one has all partitions again', 15_000, async () => (await group.lag()) === 0)
    await alone.stop()
    const all = [...alone.seen, ...joining.seen]
    // A request whose reply the crash took may have been stored, and was sent again.
    const stored = (await group.logEnds(PARTITIONS)).reduce((sum, end) => sum + end, 0)
    assert.ok(stored >= RECORDS + 100)
    assert.equal(new Set(all).size, stored)
    t.diagnostic(`${alone.seen.length} and ${joining.seen.length} records, ${all.length - stored} of them twice`)
  })

test('the examples are short enough to be read', () => {
  for (const name of exampleNames) {
    const text = readFileSync(join(repositoryRoot, 'examples', name), 'utf8')
    assert.ok(text.trimEnd().split('\n').length <= 60, name)
  }
})
