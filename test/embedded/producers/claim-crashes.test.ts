import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { CLAIMED_PARTITIONS, ClaimedLogs, makeClaimedDirectories } from '../../support/claimed-logs.ts'
import {
  keyIdentity,
  publishClaimed,
  sequenceIdentity,
  type ClaimedValues,
  type Placed,
} from '../../support/claimed-requests.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { partitionOf, recordsIn, seeded } from '../../support/log-directory-fixture.ts'
import { MemoryFileSystem } from '../../support/memory-file-system.ts'

const IN_FLIGHT = 5

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

interface Sent {
  readonly values: ClaimedValues
  placed?: Placed
}

/** A client that never gives up: it repeats what was not acknowledged, in order, and some of what was. */
class Client {
  readonly #name: string
  readonly #kind: 'sequence' | 'key'
  readonly #random: () => number
  readonly sent: Sent[] = []

  constructor(name: string, kind: 'sequence' | 'key', random: () => number) {
    this.#name = name
    this.#kind = kind
    this.#random = random
  }

  /** Sends up to five at a time until so many are acknowledged, or the server goes away. */
  async work(logs: ClaimedLogs, total: number): Promise<void> {
    const target = this.sent.length + total
    const flights = Array.from({ length: IN_FLIGHT }, () => this.#flight(logs, target))
    await Promise.all(flights)
  }

  #flying = new Set<number>()

  async #flight(logs: ClaimedLogs, target: number): Promise<void> {
    while (logs.isOpen) {
      const number = this.#next(target)
      if (number === undefined) return
      this.#flying.add(number)
      try {
        await this.#send(logs, number)
        if (this.#random() < 0.1) await this.#send(logs, number)
      } catch (error) {
        assert.ok(error instanceof BrokerError, String(error))
        await turn()
      } finally {
        this.#flying.delete(number)
      }
    }
  }

  /** The first that is neither acknowledged nor on its way, but not too far ahead. */
  #next(target: number): number | undefined {
    const first = this.sent.findIndex(({ placed }) => placed === undefined)
    const from = first < 0 ? this.sent.length : first
    for (let number = from; number < Math.min(from + IN_FLIGHT, target); number++) {
      if (this.#flying.has(number) || this.sent[number]?.placed) continue
      this.sent[number] ??= { values: this.#values(number) }
      return number
    }
    return undefined
  }

  async #send(logs: ClaimedLogs, number: number): Promise<void> {
    const sent = this.sent[number]!
    const identity =
      this.#kind === 'key'
        ? keyIdentity(`${this.#name}-${number}`, sent.values)
        : sequenceIdentity(this.#name, number, sent.values)
    const copies = this.#random() < 0.1 ? 2 : 1
    const answers = Array.from({ length: copies }, () => publishClaimed(logs, identity, sent.values))
    for (const answer of await Promise.allSettled(answers)) {
      if (answer.status === 'rejected') throw answer.reason
      if (sent.placed) assert.deepEqual(answer.value, sent.placed)
      sent.placed ??= answer.value
    }
  }

  /** What was acknowledged and is not too old is answered the same. */
  async checkRepeats(logs: ClaimedLogs): Promise<void> {
    for (let number = this.sent.length - IN_FLIGHT; number < this.sent.length; number++) {
      if (this.sent[number]?.placed) await this.#send(logs, number)
    }
  }

  #values(number: number): ClaimedValues {
    const values = new Map<number, string[]>()
    for (let count = 1 + Math.floor(this.#random() * 4); count > 0; count--) {
      const partition = Math.floor(this.#random() * CLAIMED_PARTITIONS)
      const size = this.#random() < 0.05 ? 7000 : Math.floor(this.#random() * 100)
      const of = values.get(partition) ?? []
      of.push(`${this.#name}/${String(number).padStart(5, '0')}/${partition}/${of.length}/${'x'.repeat(size)}`)
      values.set(partition, of)
    }
    return values
  }
}

async function check(disk: MemoryFileSystem, logs: ClaimedLogs, clients: readonly Client[]): Promise<void> {
  const found = new Map<string, string>()
  for (let partition = 0; partition < CLAIMED_PARTITIONS; partition++) {
    const records = await recordsIn(disk, partitionOf(logs.logOf(partition), partition))
    const newest = new Map<string, string>()
    for (const { offset, value } of records) {
      assert.ok(!found.has(value), `${value.slice(0, 20)} is stored twice`)
      found.set(value, `${partition}@${offset}`)
      const [name = '', number = ''] = value.split('/')
      if (!name.startsWith('key')) assert.ok(number >= (newest.get(name) ?? ''), `${name} is out of order`)
      newest.set(name, number)
    }
  }
  for (const { sent } of clients) {
    for (const { values, placed } of sent) {
      for (const [partition, texts] of values) {
        const base = placed?.get(partition)
        texts.forEach((text, index) => {
          if (base !== undefined) assert.equal(found.get(text), `${partition}@${base + index}`, text.slice(0, 20))
        })
      }
    }
  }
}

async function simulate(seed: number, cycles: number): Promise<number> {
  const random = seeded(seed)
  const clients = [
    new Client('one', 'sequence', random),
    new Client('two', 'sequence', random),
    new Client('key', 'key', random),
  ]
  let disk = new MemoryFileSystem()
  await makeClaimedDirectories(disk)
  await (await ClaimedLogs.open(disk, new FakeClock())).close()
  for (let cycle = 0; cycle < cycles; cycle++) {
    const clock = new FakeClock()
    const logs = await ClaimedLogs.open(disk, clock)
    await check(disk, logs, clients)
    for (const client of clients) await client.checkRepeats(logs)
    const work = Promise.all(clients.map((client) => client.work(logs, 40)))
    for (let turns = Math.floor(random() * 500); turns > 0; turns--) {
      if (random() < 0.02) for (const log of logs.logs) void log.checkpoint().catch(() => {})
      if (random() < 0.1) clock.advance(20)
      await turn()
    }
    if (random() < 0.15) await logs.close()
    const chance = random()
    disk = chance < 0.3 ? disk.kill() : disk.crash(chance < 0.5 ? 'none' : chance < 0.6 ? 'all' : 'random', random)
    logs.stop()
    await work
  }
  const last = await ClaimedLogs.open(disk, new FakeClock())
  for (const client of clients) await client.work(last, 0)
  await last.close()
  const logs = await ClaimedLogs.open(disk, new FakeClock())
  await check(disk, logs, clients)
  const sent = clients.flatMap((client) => client.sent)
  assert.ok(sent.every(({ placed }) => placed))
  await logs.close()
  return sent.length
}

test('requests that are repeated until they are answered are stored once, in order, through crashes of two directories', async () => {
  let requests = 0
  for (let seed = 1; seed <= 15; seed++) {
    try {
      requests += await simulate(seed, 6)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
  assert.ok(requests > 1000, `only ${requests} requests were stored: the simulation does not bite`)
})
