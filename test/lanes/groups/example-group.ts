import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { cleanUpBehind, tempDirectory } from '../../support/temp-directory.ts'
import { ExampleConsumer, type ExampleName } from './example-consumer.ts'
import { GROUP, LiveGroup, TOPIC } from './live-group.ts'

export interface ExampleGroup {
  readonly server: { readonly url: string; restart(): Promise<void>; crashAndStart(): Promise<void> }
  readonly first: ExampleName
  readonly second: ExampleName
}

const PARTITIONS = 6
const RECORDS = 3000

/** Two examples share a topic, through a restart and a crash of the server; then one of them has it alone. */
export async function examplesShareTopic(t: TestContext, { server, first, second }: ExampleGroup): Promise<void> {
  const journals = join(tempDirectory(t), 'journals')
  mkdirSync(journals)
  const group = new LiveGroup({ server, journals, maxPollIntervalMs: 300_000 })
  await group.createTopic(PARTITIONS)
  const start = (name: ExampleName): ExampleConsumer => {
    const example = new ExampleConsumer(name, server.url, GROUP, TOPIC)
    cleanUpBehind(t, () => example.kill9())
    return example
  }
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
}
