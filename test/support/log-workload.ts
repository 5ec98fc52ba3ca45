import assert from 'node:assert/strict'
import type { Acks } from '../../src/broker/append-request.ts'
import type { DirectoryLog } from '../../src/embedded/log/directory-log.ts'
import type { FileSystem } from '../../src/embedded/file-system.ts'
import { batchOf } from './engine-records.ts'
import { partitionOf, recordsIn } from './log-directory-fixture.ts'

interface Sent {
  readonly values: readonly { readonly partition: number; readonly value: string }[]
}

/**
 * Random publish requests against one log directory, and what must be true of it after a crash: what was acknowledged
 * with `acks=all`, or was visible to a reader, is there at its offset; requests are there whole or not at all; offsets
 * are dense.
 */
export class LogWorkload {
  readonly #random: () => number
  readonly #partitionCount: number
  readonly #sent: Sent[] = []
  /** By partition and offset: what may never change again. */
  readonly #promised = new Map<string, string>()
  /** Partition and offset of what a reader could see. */
  readonly #visible = new Set<string>()
  /** Requests whose failure said that nothing was stored. */
  readonly #refused = new Set<Sent>()
  acknowledged = 0

  constructor(random: () => number, partitionCount: number) {
    this.#random = random
    this.#partitionCount = partitionCount
  }

  /** Notes everything a reader could see, each time it could see more. */
  watch(log: DirectoryLog): void {
    for (let partition = 0; partition < this.#partitionCount; partition++) {
      const view = partitionOf(log, partition)
      let seen = view.highWatermark
      view.onAdvance(() => {
        assert.ok(view.highWatermark <= view.logEndOffset)
        for (const batch of view.tail) {
          if (batch.baseOffset < seen || batch.lastOffset >= view.highWatermark) continue
          for (let offset = batch.baseOffset; offset <= batch.lastOffset; offset++) {
            this.#visible.add(`${partition}@${offset}`)
          }
        }
        seen = view.highWatermark
      })
    }
  }

  /** One request; resolves when it is answered, whatever the answer. */
  async request(log: DirectoryLog): Promise<void> {
    const sent: { partition: number; value: string }[] = []
    const acks: Acks = this.#pick(['all', 'all', 'all', '1', '0'])
    const partitions = this.#somePartitions()
    const parts = partitions.map((partition) => {
      const texts = Array.from({ length: 1 + Math.floor(this.#random() * 3) }, () => {
        const value = `${this.#sent.length}/${partition}/${sent.length}/${'x'.repeat(this.#size())}`
        sent.push({ partition, value })
        return value
      })
      return { log: partitionOf(log, partition), batches: [batchOf(texts)] }
    })
    const request = { values: sent }
    this.#sent.push(request)
    try {
      const results = await log.append(parts, acks)
      if (acks !== 'all') return
      this.acknowledged++
      results.forEach(({ baseOffset }, index) => {
        const partition = partitions[index] ?? -1
        sent
          .filter((record) => record.partition === partition)
          .forEach(({ value }, at) => this.#promise(partition, baseOffset + at, value))
      })
    } catch (error) {
      if (error instanceof Error && 'options' in error && JSON.stringify(error.options).includes('"stored":"no"')) {
        this.#refused.add(request)
      }
    }
  }

  #promise(partition: number, offset: number, value: string): void {
    const key = `${partition}@${offset}`
    const known = this.#promised.get(key)
    assert.ok(known === undefined || known === value, `offset ${key} was given out twice`)
    this.#promised.set(key, value)
  }

  #somePartitions(): number[] {
    const count = this.#random() < 0.7 ? 1 : 1 + Math.floor(this.#random() * this.#partitionCount)
    const all = Array.from({ length: this.#partitionCount }, (_, partition) => partition)
    const from = Math.floor(this.#random() * this.#partitionCount)
    return [...all.slice(from), ...all.slice(0, from)].slice(0, count)
  }

  #size(): number {
    const chance = this.#random()
    if (chance < 0.7) return Math.floor(this.#random() * 60)
    return Math.floor(this.#random() * (chance < 0.95 ? 900 : 9000))
  }

  #pick<T>(items: readonly [T, ...T[]]): T {
    return items[Math.floor(this.#random() * items.length)] ?? items[0]
  }

  /** Throws where a promise is broken; what is there from now on is promised too, for readers have seen it. */
  async check(fileSystem: FileSystem, log: DirectoryLog): Promise<void> {
    assert.equal(log.state, 'online', log.reason)
    const found = new Map<string, number>()
    const stored = new Map<string, string>()
    for (let partition = 0; partition < this.#partitionCount; partition++) {
      const records = await recordsIn(fileSystem, partitionOf(log, partition))
      records.forEach(({ offset, value }, index) => {
        assert.equal(offset, index, `partition ${partition} has a hole`)
        assert.ok(!found.has(value), `${value.slice(0, 20)} is stored twice`)
        found.set(value, offset)
        stored.set(`${partition}@${offset}`, value)
      })
      const view = partitionOf(log, partition)
      assert.equal(records.length, view.highWatermark)
      for (const { path, sizeBytes } of view.segments) {
        assert.equal((await fileSystem.stat(path)).sizeBytes, sizeBytes, `${path} has bytes that no round committed`)
      }
    }
    for (const [key, value] of this.#promised) {
      assert.equal(stored.get(key)?.slice(0, 30), value.slice(0, 30), `lost: ${key} of ${stored.size}`)
      assert.equal(stored.get(key), value)
    }
    for (const key of this.#visible) assert.ok(stored.has(key), `${key} was visible and is gone`)
    for (const request of this.#sent) {
      const there = request.values.filter(({ value }) => found.has(value)).length
      assert.ok(there === 0 || there === request.values.length, 'a request is there in part')
      assert.ok(there === 0 || !this.#refused.has(request), 'a request that was refused is there')
    }
    for (const [key, value] of stored) this.#promised.set(key, value)
  }
}
