/** Who waits for news of which member. Each listener is called once. */
export class MemberListeners {
  readonly #groups = new Map<string, Map<string, Set<() => void>>>()

  /** Returns how to stop listening. */
  add(group: string, memberId: string, listener: () => void): () => void {
    const members = this.#groups.get(group) ?? new Map<string, Set<() => void>>()
    this.#groups.set(group, members)
    const listeners = members.get(memberId) ?? new Set<() => void>()
    members.set(memberId, listeners)
    // One entry for each call, also where the same function listens twice.
    const entry = (): void => listener()
    listeners.add(entry)
    return () => this.#remove(group, memberId, entry)
  }

  wake(group: string, memberIds: Iterable<string>): void {
    const members = this.#groups.get(group)
    if (members === undefined) return
    for (const memberId of memberIds) {
      const listeners = members.get(memberId)
      if (listeners === undefined) continue
      members.delete(memberId)
      if (members.size === 0) this.#groups.delete(group)
      for (const listener of listeners) listener()
    }
  }

  wakeAll(): void {
    const waiting = Array.from(this.#groups, ([group, members]) => ({ group, memberIds: [...members.keys()] }))
    for (const { group, memberIds } of waiting) this.wake(group, memberIds)
  }

  #remove(group: string, memberId: string, entry: () => void): void {
    const members = this.#groups.get(group)
    const listeners = members?.get(memberId)
    if (members === undefined || listeners?.delete(entry) !== true || listeners.size > 0) return
    members.delete(memberId)
    if (members.size === 0) this.#groups.delete(group)
  }
}
