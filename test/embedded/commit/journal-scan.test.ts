import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '../../../src/broker/logger.ts'
import { batchesSection } from '../../../src/embedded/commit/batches-section.ts'
import { checkpointSection } from '../../../src/embedded/commit/checkpoint-section.ts'
import { FRAMES_START, JournalFile } from '../../../src/embedded/commit/journal-file.ts'
import { scanJournal } from '../../../src/embedded/commit/journal-scan.ts'
import { Journal } from '../../../src/embedded/commit/journal.ts'
import { MemoryFileSystem } from '../../support/memory-file-system.ts'

const CAPACITY = 10 * 4096
const journalId = Buffer.from('fedcba9876543210', 'hex')

async function newJournal() {
  const disk = new MemoryFileSystem()
  const files = [await JournalFile.open(disk, '/', 0), await JournalFile.open(disk, '/', 1)] as const
  for (const file of files) await file.writeHeader(journalId)
  const start = { journalId, cycle: 0, position: FRAMES_START, lastRound: 0, otherNewestRound: 0, coveredRound: 0 }
  const journal = new Journal(files, { capacityBytes: CAPACITY, logger: silentLogger }, start)
  await journal.allocateFirst()
  const scan = async () => scanJournal([await files[0].readAll(), await files[1].readAll()])
  return { disk, journal, scan }
}

function round(value: string) {
  return batchesSection([
    {
      topicIdBytes: Buffer.alloc(16),
      partition: 0,
      segmentBaseOffset: 0,
      position: 0,
      firstOffset: 0,
      lastOffset: 0,
      lengthBytes: value.length,
      content: { batches: [Buffer.from(value)] },
    },
  ])
}

test('without a checkpoint there is no journal', async () => {
  const { journal, scan } = await newJournal()
  assert.equal(await scan(), undefined)
  await journal.append('checkpoint', [checkpointSection(0, [])])
  assert.equal((await scan())?.checkpoint.coveredRound, 0)
})

test('the rounds behind the newest checkpoint are found across both files, over many cycles', async () => {
  const { journal, scan } = await newJournal()
  await journal.append('checkpoint', [checkpointSection(0, [])])
  for (let i = 2; i < 60; i++) {
    if (!journal.makeRoom(300)) {
      const covered = journal.lastRound
      await journal.allocate(300)
      await journal.append('checkpoint', [checkpointSection(covered, [])])
      journal.covered(covered)
      assert.ok(journal.makeRoom(300))
    }
    await journal.allocate(300)
    await journal.append('round', [round(`round ${journal.lastRound + 1}`)])
    const found = await scan()
    assert.ok(found)
    assert.equal(found.lastMissingRound, 0)
    assert.equal(found.newest.header.round, journal.lastRound)
    const { coveredRound } = found.checkpoint
    const wanted: string[] = []
    for (const { round: number, entries } of found.rounds) {
      assert.ok(number > coveredRound)
      for (const { content } of entries) wanted.push('bytes' in content ? `${number}: ${String(content.bytes)}` : '')
    }
    assert.equal(wanted.at(-1), `${journal.lastRound}: round ${journal.lastRound}`)
    assert.ok(wanted.every((text) => /^(\d+): round \1$/.test(text)))
  }
})

test('a file is not overwritten before a checkpoint covers it', async () => {
  const { journal } = await newJournal()
  await journal.append('checkpoint', [checkpointSection(0, [])])
  let rounds = 0
  while (journal.makeRoom(300)) {
    await journal.allocate(300)
    await journal.append('round', [round('x')])
    rounds++
  }
  // Both files full: the one that was begun with, and the other, which held nothing.
  assert.equal(rounds, 2 * 9 - 1)
  journal.covered(5)
  assert.equal(journal.makeRoom(300), false)
  journal.covered(9)
  assert.equal(journal.makeRoom(300), true)
})

test('a bad newest frame is a torn end; a bad frame before a good one is rot', async () => {
  const { disk, journal, scan } = await newJournal()
  await journal.append('checkpoint', [checkpointSection(0, [])])
  for (let i = 0; i < 4; i++) await journal.append('round', [round(`round ${i}`)])
  const damage = (frame: number): void =>
    disk.alter('/journal-0', (bytes) => {
      bytes[FRAMES_START + frame * 4096 + 120] = 0xff
      return bytes
    })
  damage(4)
  const torn = await scan()
  assert.deepEqual([torn?.newest.header.round, torn?.lastMissingRound, torn?.rounds.length], [4, 0, 3])
  damage(2)
  const rotten = await scan()
  assert.deepEqual([rotten?.newest.header.round, rotten?.lastMissingRound, rotten?.rounds.length], [4, 3, 2])
})

test('frames inside the bytes of a torn frame do not count', async () => {
  const { disk, journal, scan } = await newJournal()
  await journal.append('checkpoint', [checkpointSection(0, [])])
  const other = await newJournal()
  for (let i = 0; i < 6; i++) await other.journal.append('round', [round('forged')])
  // Somebody publishes a record that looks like journal frames, of a journal whose id he had to guess.
  const forged = other.disk.contentOf('/journal-0').subarray(FRAMES_START, FRAMES_START + 5 * 4096)
  for (let at = 0; at < forged.length; at += 4096) forged.fill(0x11, at + 8, at + 16)
  const filler = 'x'.repeat(4096 - 64 - 8 - 8 - 64)
  await journal.append('round', [round(`${filler}${forged.toString('latin1')}`)])
  disk.alter('/journal-0', (bytes) => bytes.fill(0, FRAMES_START + 4096, FRAMES_START + 4096 + 512))
  const found = await scan()
  assert.deepEqual([found?.newest.header.round, found?.lastMissingRound, found?.rounds.length], [1, 0, 0])
})
