/** Which groups are subscribed to which topic names. */
export class GroupSubscriptions {
  readonly #groups = new Map<string, Set<string>>()
  readonly #topics = new Map<string, ReadonlySet<string>>()

  /** @param topics all names that any of the group's members is subscribed to */
  set(group: string, topics: ReadonlySet<string>): void {
    const before = this.#topics.get(group)
    for (const topic of before ?? []) if (!topics.has(topic)) this.#remove(topic, group)
    for (const topic of topics) if (before?.has(topic) !== true) this.#add(topic, group)
    if (topics.size === 0) this.#topics.delete(group)
    else this.#topics.set(group, topics)
  }

  groupsOf(topic: string): string[] {
    return [...(this.#groups.get(topic) ?? [])]
  }

  #add(topic: string, group: string): void {
    const groups = this.#groups.get(topic)
    if (groups === undefined) this.#groups.set(topic, new Set([group]))
    else groups.add(group)
  }

  #remove(topic: string, group: string): void {
    const groups = this.#groups.get(topic)
    groups?.delete(group)
    if (groups?.size === 0) this.#groups.delete(topic)
  }
}
