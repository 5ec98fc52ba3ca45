/** What a node looks after by name: a consumer group, or a transactional id. */
export type CoordinatorKind = 'group' | 'transaction'

/** Names come from clients: the memory for them is bounded, and what is forgotten is asked for again. */
const REMEMBERED_MAX = 10_000

/** Which node looks after what, as it was told last. */
export class Coordinators {
  readonly #nodes = new Map<string, number>()

  find(kind: CoordinatorKind, key: string): number | undefined {
    return this.#nodes.get(`${kind} ${key}`)
  }

  remember(kind: CoordinatorKind, key: string, nodeId: number): void {
    if (this.#nodes.size >= REMEMBERED_MAX) this.#nodes.clear()
    this.#nodes.set(`${kind} ${key}`, nodeId)
  }

  forget(kind: CoordinatorKind, key: string): void {
    this.#nodes.delete(`${kind} ${key}`)
  }
}
