import { type AssignorInput, NOBODY } from './assignor.ts'
import { subscriberClasses, type SubscriberClass } from './subscriber-classes.ts'

/**
 * Balanced first, sticky second. In the result no partition's owner has two more partitions than any other member that is
 * subscribed to its topic; with equal subscriptions all numbers are thus within one. No partition moves that need not:
 * a member that joins a balanced group of equal subscriptions takes exactly its share, and nothing else moves.
 *
 * Topics with the same subscribers are levelled together, as if water were poured into vessels already filled with what
 * their members own elsewhere. With one such class that is the result. With several they are levelled in turn until none
 * changes: each change lowers the sum of the squares of the members' numbers, so that it ends.
 */
export function assignUniform({ memberCount, topics, previous }: AssignorInput): Int32Array {
  const owners = Int32Array.from(previous)
  const loads = new Int32Array(memberCount)
  for (const owner of owners) if (owner !== NOBODY) loads[owner] = loads[owner]! + 1
  const classes = subscriberClasses(topics).map((each) => new ClassLevel(each, owners, loads))
  for (let changed = true; changed;) {
    changed = false
    for (const each of classes) if (each.level()) changed = true
    if (classes.length === 1) break
  }
  return owners
}

/** Levels the partitions of one class, given what its subscribers own of the others. */
class ClassLevel {
  readonly #class: SubscriberClass
  readonly #owners: Int32Array
  readonly #loads: Int32Array
  /** By member: partitions of this class owned, then how many more it may own. */
  readonly #own: Int32Array
  readonly #quota: Int32Array

  constructor(subscriberClass: SubscriberClass, owners: Int32Array, loads: Int32Array) {
    this.#class = subscriberClass
    this.#owners = owners
    this.#loads = loads
    this.#own = new Int32Array(loads.length)
    this.#quota = new Int32Array(loads.length)
  }

  /** Returns whether anything changed. */
  level(): boolean {
    this.#countOwn()
    this.#setQuotas()
    const free = this.#cut()
    this.#deal(free)
    return free.length > 0
  }

  #countOwn(): void {
    this.#own.fill(0)
    for (const partition of this.#class.partitions) {
      const owner = this.#owners[partition]!
      if (owner !== NOBODY) this.#own[owner] = this.#own[owner]! + 1
    }
  }

  /** Each up to the water level; the rest, one each, first to those that would else have to give one up. */
  #setQuotas(): void {
    const { subscribers, partitions } = this.#class
    const bases = subscribers.map((member) => this.#base(member))
    const level = waterLevel(bases.sort(), partitions.length)
    let left = partitions.length
    for (const member of subscribers) {
      const quota = Math.max(0, level - this.#base(member))
      this.#quota[member] = quota
      left -= quota
    }
    for (const wanting of [true, false]) {
      for (const member of subscribers) {
        if (left === 0) return
        const quota = this.#quota[member]!
        if (this.#base(member) + quota > level || this.#own[member]! > quota !== wanting) continue
        this.#quota[member] = quota + 1
        left--
      }
    }
  }

  /** Takes from each what is beyond its quota, the highest numbers; leaves in the quotas how many each is to get. */
  #cut(): number[] {
    const free: number[] = []
    for (const partition of this.#class.partitions) {
      const owner = this.#owners[partition]!
      if (owner !== NOBODY) {
        const quota = this.#quota[owner]!
        if (quota > 0) {
          this.#quota[owner] = quota - 1
          continue
        }
        this.#loads[owner] = this.#loads[owner]! - 1
      }
      free.push(partition)
    }
    return free
  }

  /** In turn, so that a topic's partitions spread over the members. */
  #deal(free: readonly number[]): void {
    let needy = [...this.#class.subscribers].filter((member) => this.#quota[member]! > 0)
    for (let at = 0; at < free.length;) {
      for (const member of needy) {
        const partition = free[at++]
        if (partition === undefined) break
        this.#owners[partition] = member
        this.#loads[member] = this.#loads[member]! + 1
        this.#quota[member] = this.#quota[member]! - 1
      }
      needy = needy.filter((member) => this.#quota[member]! > 0)
    }
  }

  #base(member: number): number {
    return this.#loads[member]! - this.#own[member]!
  }
}

/** The level to which `amount` fills vessels that hold `bases` (ascending), whole units only. */
function waterLevel(bases: Int32Array, amount: number): number {
  let filled = amount
  for (let count = 1; ; count++) {
    filled += bases[count - 1]!
    const level = Math.floor(filled / count)
    if (count === bases.length || level < bases[count]!) return level
  }
}
