import type { PartitionRead } from '../../broker/engine.ts'
import type { PositionWaiter, WatchedPartition } from './watched-partition.ts'

/** What ended a wait: records, the time or the signal, or something to be looked at. */
export type WaitEnd = readonly PartitionRead[] | 'over' | 'again'

/** One read that waits, at all of its positions, for the first of them with news. */
export class WaitingRead {
  readonly #places: { readonly watched: WatchedPartition; readonly waiter: PositionWaiter }[] = []
  readonly #end: (end: WaitEnd) => void
  #ended = false

  constructor(end: (end: WaitEnd) => void) {
    this.#end = end
  }

  /** In the order of its positions. */
  waitAt(watched: WatchedPartition, offset: number): void {
    if (!watched.isIdleAt(offset)) return this.end('again')
    const index = this.#places.length
    const waiter: PositionWaiter = {
      offset,
      deliver: (read) => this.end(this.#places.map((place, at) => (at === index ? read : place.watched.emptyRead))),
      readAgain: () => this.end('again'),
    }
    this.#places.push({ watched, waiter })
    watched.add(waiter)
  }

  end(end: WaitEnd): void {
    if (this.#ended) return
    this.#ended = true
    for (const { watched, waiter } of this.#places) watched.waiters.delete(waiter)
    this.#end(end)
  }
}
