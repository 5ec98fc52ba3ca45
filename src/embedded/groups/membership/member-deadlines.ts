interface Deadlines {
  session: number
  /** Infinity while the member has nothing to let go of. */
  rebalance: number
}

/**
 * When members are given up: at the end of their session, or of the time they have to let partitions go. Only in memory:
 * after a restart all times begin anew. Times are of a monotonic clock that the caller reads.
 */
export class MemberDeadlines {
  readonly #members = new Map<string, Deadlines>()
  /** Open requests that keep sessions from ending. */
  readonly #holds = new Map<string, Set<symbol>>()
  #nextCheck = Infinity

  /** When to look for members that are due; Infinity = not at all. Never too late, maybe too early. */
  get nextCheck(): number {
    return this.#nextCheck
  }

  setSession(memberId: string, deadline: number): void {
    const known = this.#members.get(memberId)
    if (known === undefined) this.#members.set(memberId, { session: deadline, rebalance: Infinity })
    else known.session = deadline
    this.#nextCheck = Math.min(this.#nextCheck, deadline)
  }

  /** Of a member that has a session. */
  setRebalance(memberId: string, deadline: number): void {
    const known = this.#members.get(memberId)
    if (known === undefined) return
    known.rebalance = deadline
    this.#nextCheck = Math.min(this.#nextCheck, deadline)
  }

  remove(memberId: string): void {
    this.#members.delete(memberId)
    this.endHolds(memberId)
  }

  /** Whoever holds the session belongs to a membership that has ended. */
  endHolds(memberId: string): void {
    if (!this.#holds.delete(memberId)) return
    const known = this.#members.get(memberId)
    if (known !== undefined) this.#nextCheck = Math.min(this.#nextCheck, known.session)
  }

  /** The session does not end until `release` is called with what this returns. */
  hold(memberId: string): symbol {
    const hold = Symbol(memberId)
    const holds = this.#holds.get(memberId)
    if (holds === undefined) this.#holds.set(memberId, new Set([hold]))
    else holds.add(hold)
    return hold
  }

  /** Changes nothing for a hold that has ended. */
  release(memberId: string, hold: symbol, sessionDeadline: number): void {
    const holds = this.#holds.get(memberId)
    if (holds?.delete(hold) !== true) return
    if (holds.size === 0) this.#holds.delete(memberId)
    if (this.#members.has(memberId)) this.setSession(memberId, sessionDeadline)
  }

  /** The members whose time has come at `now`. */
  due(now: number): string[] {
    const due: string[] = []
    this.#nextCheck = Infinity
    for (const [memberId, { session, rebalance }] of this.#members) {
      const deadline = Math.min(this.#holds.has(memberId) ? Infinity : session, rebalance)
      if (deadline <= now) due.push(memberId)
      this.#nextCheck = Math.min(this.#nextCheck, deadline)
    }
    return due
  }
}
