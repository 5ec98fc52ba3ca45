import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { assignOffsets } from '../../../src/codec/record-batch.ts'
import { findSoundRun, type DamagedStretch, type RunStart } from '../../../src/embedded/log/sound-run.ts'
import { encodeBatch } from '../../support/record-spans.ts'

interface PlacedBatch {
  readonly bytes: Buffer
  readonly position: number
  readonly baseOffset: number
}

function batchOf(baseOffset: number, values: readonly Buffer[]): Buffer {
  const bytes = Buffer.from(encodeBatch(values.map((value) => ({ key: null, value, timestamp: 1 }))))
  assignOffsets(bytes, 0, baseOffset, 0)
  return bytes
}

/** Batches one behind the other, each of these values. */
function placed(valuesOfBatches: readonly (readonly Buffer[])[]): PlacedBatch[] {
  const batches: PlacedBatch[] = []
  let position = 0
  let baseOffset = 0
  for (const values of valuesOfBatches) {
    const bytes = batchOf(baseOffset, values)
    batches.push({ bytes, position, baseOffset })
    position += bytes.length
    baseOffset += values.length
  }
  return batches
}

function fileOf(batches: readonly PlacedBatch[]): Buffer {
  return Buffer.concat(batches.map(({ bytes }) => bytes))
}

function find(file: Buffer, stretch: Omit<DamagedStretch, 'generation' | 'fenced'> & Partial<DamagedStretch>) {
  const search = findSoundRun({ generation: 0, fenced: [], ...stretch })
  let asked = 0
  let step = search.next()
  while (step.done !== true) {
    const { position, length } = step.value
    asked += length
    // Bytes hold until the next are asked for, and no longer.
    const given = Buffer.from(file.subarray(position, position + length))
    step = search.next(given)
  }
  const found: RunStart | undefined = step.value
  return { found, asked }
}

const value = (length: number): Buffer => Buffer.alloc(length, 'v')
const someBatches = fc.array(
  fc.array(
    fc.integer({ min: 0, max: 300 }).map((length) => value(length)),
    { minLength: 1, maxLength: 4 },
  ),
  { minLength: 3, maxLength: 30 },
)

describe('findSoundRun', () => {
  it('finds the batch behind those that were wiped, wherever the wipe lies', () => {
    fc.assert(
      fc.property(someBatches, fc.nat(), fc.integer({ min: 1, max: 512 }), (values, at, wipedBytes) => {
        const batches = placed(values)
        const file = fileOf(batches)
        const from = at % file.length
        const to = Math.min(from + wipedBytes, file.length)
        const hit = batches.filter(({ position, bytes }) => {
          const [first, last] = [Math.max(from - position, 0), Math.min(to - position, bytes.length)]
          return first < last && bytes.subarray(first, last).some((byte) => byte !== 0)
        })
        const [first, last] = [hit.at(0), hit.at(-1)]
        if (!first || !last) return
        const behind = batches[batches.indexOf(last) + 1]
        file.fill(0, from, to)
        const end = { position: file.length, offset: 1_000_000, isBatch: false }
        const { found } = find(file, { position: first.position, expectedOffset: first.baseOffset, end })
        assert.deepEqual(found, behind && { position: behind.position, baseOffset: behind.baseOffset })
      }),
    )
  })

  it('goes as far as a batch that is known of, and fits to it', () => {
    const batches = placed(Array.from({ length: 20 }, () => [value(90), value(10)]))
    const file = fileOf(batches).fill(0, batches[3]!.position, batches[3]!.position + 61)
    const damaged = { position: batches[3]!.position, expectedOffset: 6 }
    const known = (offset: number) => ({ position: batches[9]!.position, offset, isBatch: true })
    const next = { position: batches[4]!.position, baseOffset: 8 }
    assert.deepEqual(find(file, { ...damaged, end: known(18) }).found, next)
    // Between these two offsets are missing: one of them is not what it seems.
    assert.equal(find(file, { ...damaged, end: known(19) }).found, undefined)
    assert.deepEqual(find(file, { ...damaged, end: known(19), generation: 1 }).found, next)
    assert.deepEqual(find(file, { ...damaged, end: known(19), fenced: [{ from: 18, to: 19 }] }).found, next)
    assert.equal(find(file, { ...damaged, end: known(17) }).found, undefined)
  })

  it('is not led astray by batches within a record', () => {
    const forged = Buffer.concat(placed(Array.from({ length: 5 }, () => [value(20)])).map(({ bytes }, at) => {
      assignOffsets(bytes, 0, at + 1, 0)
      return bytes
    })) // prettier-ignore
    const batches = placed([[value(1)], [forged, value(1)], [value(2)], [forged], [value(3)]])
    const file = fileOf(batches)
    const damaged = batches[1]!
    file.fill(0, damaged.position, damaged.position + 61)
    const end = { position: file.length, offset: 100, isBatch: false }
    const { found } = find(file, { position: damaged.position, expectedOffset: damaged.baseOffset, end })
    assert.deepEqual(found, { position: batches[2]!.position, baseOffset: 3 })
  })

  it('passes over what lies before a second damage, as nothing proves it', () => {
    const batches = placed(Array.from({ length: 12 }, () => [value(90)]))
    const file = fileOf(batches)
    for (const lost of [2, 7]) file.fill(0, batches[lost]!.position, batches[lost]!.position + 61)
    const end = { position: file.length, offset: 100, isBatch: false }
    const { found } = find(file, { position: batches[2]!.position, expectedOffset: 2, end })
    assert.deepEqual(found, { position: batches[8]!.position, baseOffset: 8 })
  })

  it('gives up on records made to look like headers, instead of judging each for megabytes', () => {
    const header = batchOf(5, [value(1)]).subarray(0, 61)
    header.writeInt32BE(900_000, 8)
    const hostile = Buffer.concat(Array.from({ length: 30_000 }, () => header))
    const batches = placed([[hostile], [value(1)]])
    const file = fileOf(batches).fill(0, 0, 61)
    const end = { position: file.length, offset: 100, isBatch: false }
    const { found, asked } = find(file, { position: 0, expectedOffset: 0, end })
    assert.equal(found, undefined)
    assert.ok(asked < 6 * file.length, `${asked} bytes were read`)
  })
})
