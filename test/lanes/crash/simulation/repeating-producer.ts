import assert from 'node:assert/strict'
import {
  type ClaimedValues,
  keyIdentity,
  type Placed,
  publishClaimed,
  sequenceIdentity,
} from '../../../support/claimed-requests.ts'
import type { SentRequest } from './sent-requests.ts'
import type { Life } from './world.ts'

interface Sent {
  readonly number: number
  readonly request: SentRequest
  readonly values: ClaimedValues
  placed?: Placed
}

const TOPIC = 'steady'
/** Those a sequence is known again for. */
const REPEATABLE = 5

/** A client that numbers its requests, or gives each a key, and sends each until it is acknowledged; some once more. */
export class RepeatingProducer {
  readonly name: string
  readonly #kind: 'sequence' | 'key'
  readonly #sent: Sent[] = []
  #isFlying = false

  constructor(name: string, kind: 'sequence' | 'key') {
    this.name = name
    this.#kind = kind
  }

  /** The process is gone, and with it every answer. */
  crashed(): void {
    this.#isFlying = false
  }

  act(life: Life): void {
    const last = this.#sent.at(-1)
    const { world } = life
    if (this.#isFlying) return
    if (last && !last.placed) return this.#send(life, last)
    const placed = world.random() < 0.2 ? world.pick(this.#sent.slice(-REPEATABLE)) : undefined
    if (placed) world.counts.repeats++
    const next = placed ?? this.#next(life)
    if (next) this.#send(life, next)
  }

  #next({ world, engine }: Life): Sent | undefined {
    const topic = engine.topics.find(TOPIC)
    if (!topic) return undefined
    const parts = new Map<number, { key: string; paddingBytes: number }[]>()
    for (let count = 1 + world.whole(2); count > 0; count--) {
      const paddingBytes = world.random() < 0.05 ? 1600 : world.whole(60)
      parts.set(world.whole(topic.partitionCount), [{ key: this.name, paddingBytes }])
    }
    const request = world.requests.add(topic.topicId, parts)
    const values = new Map(Array.from(request.parts, ([partition, part]) => [partition, part.values]))
    const sent: Sent = { number: this.#sent.length, request, values }
    this.#sent.push(sent)
    world.counts.requests++
    return sent
  }

  #send({ world, engine }: Life, sent: Sent): void {
    this.#isFlying = true
    const { number, values, request } = sent
    const identity =
      this.#kind === 'key' ? keyIdentity(`${this.name}-${number}`, values) : sequenceIdentity(this.name, number, values)
    const answers = Array.from({ length: world.random() < 0.1 ? 2 : 1 }, () =>
      publishClaimed(engine, identity, values, TOPIC),
    )
    const settled = Promise.allSettled(answers).then((results) => {
      this.#isFlying = false
      for (const result of results) {
        if (result.status === 'rejected') world.lawful(result.reason)
        else this.#placed(sent, result.value, world)
      }
      return undefined
    })
    world.track(settled)
    for (const part of request.parts.values()) if (part.outcome === 'refused') part.outcome = 'open'
  }

  #placed(sent: Sent, placed: Placed, { topics, counts }: Life['world']): void {
    if (sent.placed) return assert.deepEqual(placed, sent.placed, `${this.name} ${sent.number} was stored elsewhere`)
    sent.placed = placed
    counts.acknowledged++
    for (const [partition, part] of sent.request.parts) {
      const baseOffset = placed.get(partition)
      assert.ok(baseOffset !== undefined, `${this.name} ${sent.number} has no place in partition ${partition}`)
      part.outcome = 'stored'
      const promised = topics.byId(sent.request.topicId)?.partitions[partition]
      part.values.forEach((value, index) => promised?.acknowledged({ offset: baseOffset + index, value, timestamp: 0 }))
    }
  }
}
