import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { BodyAdmission, type BodyHolder } from '../../src/http/body-admission.ts'
import { FakeClock } from '../support/fake-clock.ts'

const MIB = 1024 * 1024
const MAX_BYTES = 8 * MIB
const SMALL_SHARE = MAX_BYTES / 4
const WAIT_MS = 1000

const isLarge = (bytes: number): boolean => bytes > MIB

/** A request as its client sees it: it holds what it was admitted with, and waits for `wanted` more. */
class Client implements BodyHolder {
  heldBytes = 0
  madeBytes = 0
  wanted = 0
  latest = 0
  leave: (() => void) | undefined
}

/** Does what clients do, and looks behind each step whether the promises of the admission hold. */
class Clients {
  readonly clock = new FakeClock()
  readonly admission = new BodyAdmission({ maxBytes: MAX_BYTES, waitMs: WAIT_MS }, this.clock, () => {})
  #all: Client[] = []
  /** Of those that had nothing when they came to wait, in the order in which they came. */
  readonly #lines: { small: Client[]; large: Client[] } = { small: [], large: [] }

  ask(client: Client, bytes: number): void {
    if (!this.#all.includes(client)) this.#all.push(client)
    const line = isLarge(client.heldBytes + bytes) ? this.#lines.large : this.#lines.small
    const overtakes = client.heldBytes === 0 && line.length > 0
    client.wanted = bytes
    client.latest = this.clock.monotonic() + WAIT_MS
    if (this.admission.admits(client, bytes)) {
      assert.ok(!overtakes, 'it went before those that waited')
      client.wanted = 0
      return
    }
    if (client.heldBytes === 0) line.push(client)
    client.leave = this.admission.wait(client, bytes, (refused) => {
      const place = line.indexOf(client)
      const before = line.slice(0, Math.max(0, place)).filter(({ latest }) => latest > this.clock.monotonic())
      if (refused === undefined) assert.deepEqual(before, [], 'it overtook others of its line')
      if (place >= 0) line.splice(place, 1)
      client.leave = undefined
      client.wanted = 0
      if (refused !== undefined) this.end(client)
    })
  }

  end(client: Client): void {
    this.#all = this.#all.filter((other) => other !== client)
    for (const line of [this.#lines.small, this.#lines.large]) {
      if (line.includes(client)) line.splice(line.indexOf(client), 1)
    }
    client.leave?.()
    this.admission.release(client)
  }

  pick(choice: number, isWaiting: boolean): Client | undefined {
    const some = this.#all.filter(({ leave }) => (leave !== undefined) === isWaiting)
    return some[choice % Math.max(1, some.length)]
  }

  /** @param isBounded false where something was made of bodies, which is never refused */
  check(isBounded: boolean): void {
    const held = this.#all.map(({ heldBytes }) => heldBytes).filter((bytes) => bytes > 0)
    const sum = (sizes: number[]): number => sizes.reduce((total, bytes) => total + bytes, 0)
    const large = held.filter(isLarge)
    const small = held.filter((bytes) => !isLarge(bytes))
    assert.equal(this.admission.bytes, sum(held))
    assert.ok(
      !isBounded || sum(held) <= MAX_BYTES || large.length === 1 || small.length === 1,
      `${sum(held)} bytes are held by ${large.length} large and ${small.length} small`,
    )
    const waiting = this.#all.filter(({ leave }) => leave !== undefined)
    assert.equal(this.admission.waiting, waiting.length)
    const [firstSmall] = this.#lines.small
    if (firstSmall !== undefined && !waiting.some(({ heldBytes }) => heldBytes > 0)) {
      assert.ok(
        sum(small) + firstSmall.wanted > SMALL_SHARE || sum(held) + firstSmall.wanted > MAX_BYTES,
        'a small one waits though there is room',
      )
    }
    if (waiting.some(({ heldBytes, wanted }) => isLarge(heldBytes + wanted))) {
      assert.ok(large.length > 0 || sum(small) > SMALL_SHARE, 'a large one waits though there is room')
    }
  }
}

const anySize = fc.oneof(
  fc.integer({ min: MIB / 2, max: MIB }),
  fc.integer({ min: 1, max: MIB }),
  fc.integer({ min: 1, max: 10 * MIB }),
)
const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('come' as const), bytes: anySize, choice: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('grow' as const), bytes: anySize, choice: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('made' as const), bytes: anySize, choice: fc.nat() }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('answer' as const), bytes: fc.constant(0), choice: fc.nat() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), bytes: fc.constant(0), choice: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('time' as const), bytes: fc.constant(0), choice: fc.nat(WAIT_MS) }),
  },
)

test('never more than the limit is admitted but one alone, nobody is overtaken, and nobody waits while there is room', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60, size: 'max' }), fc.boolean(), (steps, withMade) => {
      const clients = new Clients()
      for (const { kind, bytes, choice } of steps) {
        const served = clients.pick(choice, false)
        if (kind === 'come') clients.ask(new Client(), bytes)
        else if (kind === 'time') clients.clock.advance(choice)
        else if (kind === 'leave') {
          const waiting = clients.pick(choice, true)
          if (waiting !== undefined) clients.end(waiting)
        } else if (served === undefined) continue
        else if (kind === 'grow') clients.ask(served, bytes)
        else if (kind === 'answer') clients.end(served)
        else if (withMade) clients.admission.made(served, bytes)
        clients.check(!withMade)
      }
      clients.clock.advance(WAIT_MS)
      for (let client = clients.pick(0, false); client !== undefined; client = clients.pick(0, false))
        clients.end(client)
      assert.deepEqual([clients.admission.bytes, clients.admission.waiting, clients.clock.pendingTimers], [0, 0, 0])
    }),
    { numRuns: 1000 },
  )
})
