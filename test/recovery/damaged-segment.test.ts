import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { test } from 'node:test'
import { embeddedOptions } from '../support/embedded-engine.ts'
import { publish, recordsOf } from '../support/engine-records.ts'
import { EmbeddedEngine } from '../../src/embedded/embedded-engine.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'

const RECORDS = 300

interface Damage {
  readonly name: string
  readonly apply: (file: string, sizeBytes: number) => Promise<void>
}

const damages: readonly Damage[] = [
  ...[0.01, 0.3, 0.62, 0.97].map((share) => ({
    name: `a flipped bit at ${share * 100} %`,
    apply: (file: string, size: number) => flip(file, Math.floor(size * share)),
  })),
  { name: 'a flipped length', apply: (file) => flip(file, 8) },
  ...[0, 0.5, 0.999].map((share) => ({
    name: `a cut at ${share * 100} %`,
    apply: (file: string, size: number) => fs.truncate(file, Math.floor(size * share)),
  })),
  { name: 'a missing file', apply: (file) => fs.unlink(file) },
]

async function flip(file: string, position: number): Promise<void> {
  const bytes = await fs.readFile(file)
  bytes.writeUInt8(bytes.readUInt8(position) ^ 0x40, position)
  await fs.writeFile(file, bytes)
}

const valueOf = (offset: number): string => `${offset} ${'v'.repeat(200)}`

/** Every offset of partition 0: served with its own value, or in a stretch that an error leads behind. */
async function readThrough(engine: EmbeddedEngine): Promise<{ served: number; stretches: number }> {
  let served = 0
  let stretches = 0
  for (let offset = 0; offset < RECORDS;) {
    const position = { topic: 'orders', partition: 0, offset }
    const { partitions } = await engine.read({ positions: [position], maxBytes: 10_000, waitMs: 0 })
    const [read] = partitions
    if (read?.error) {
      assert.equal(read.error.code, 'CORRUPT_MESSAGE')
      assert.ok(read.nextReadableOffset !== undefined && read.nextReadableOffset > offset)
      offset = read.nextReadableOffset
      stretches++
      continue
    }
    const records = recordsOf(read, offset)
    assert.ok(records.length > 0, `nothing at ${offset}`)
    for (const record of records) {
      assert.equal(record.offset, offset)
      assert.equal(record.value, valueOf(offset))
      offset++
      served++
    }
  }
  return { served, stretches }
}

for (const { name, apply } of damages) {
  test(`${name} in a segment: no wrong byte is served, all the rest is, and health says so`, async (t) => {
    const options = embeddedOptions(t, { logDirs: [tempDirectory(t)] })
    const [logDir] = options.logDirs
    assert.ok(logDir !== undefined)
    const before = await EmbeddedEngine.open(options)
    await before.topics.create({ name: 'orders', partitionCount: 1, configs: new Map() })
    for (let from = 0; from < RECORDS; from += 10) {
      await publish(before, 'orders', { 0: Array.from({ length: 10 }, (_, index) => valueOf(from + index)) })
    }
    await before.close()
    const file = path.join(logDir, 'orders-0', `${'0'.repeat(20)}.log`)
    await apply(file, (await fs.stat(file)).size)

    const engine = await EmbeddedEngine.open(options)
    cleanUpBehind(t, () => engine.close())
    await engine.groups.load()
    const { served, stretches } = await readThrough(engine)
    assert.equal(stretches, 1)
    assert.ok(served < RECORDS)
    assert.ok(engine.troubles().some(({ kind }) => kind === 'partition-damaged' || kind === 'partition-fenced'))
    const { parts } = await publish(engine, 'orders', { 0: ['after'] })
    assert.equal(parts[0]?.baseOffset, RECORDS)
  })
}
