import type { Entry } from './journal.ts'

/** From when to when an owner held a partition for certain, as it was told. The server's truth is no shorter. */
export interface Hold {
  readonly owner: string
  readonly partition: number
  readonly from: number
  readonly to: number
}

/** Records of a partition that a member got; `expected` is where its last page ended, if it has held it since. */
export interface Delivery {
  readonly owner: string
  readonly partition: number
  readonly from: number
  readonly to: number
  readonly expected: number | undefined
  readonly sent: number
  readonly received: number
}

/** A commit that was stored for a partition which its member had let go of, as a reply had confirmed. */
export interface LateCommit {
  readonly owner: string
  readonly partition: number
  readonly nextOffset: number
  readonly received: number
}

interface OpenHold {
  readonly since: number
  next?: number
}

type Told = Extract<Entry, { readonly kind: 'joined' | 'page' | 'beat' }>

/** Goes through one process's journal. */
export class HoldReader {
  readonly holds: Hold[] = []
  readonly deliveries: Delivery[] = []
  readonly lateCommits: LateCommit[] = []
  readonly violations: string[] = []
  readonly #name: string
  #owner = ''
  #sessionTimeoutMs = 0
  #maxPollIntervalMs = 0
  #epoch = 0
  /** When the last call was sent that kept the session alive, and the last fetch that announced no revocation. */
  #alive = 0
  #polled = 0
  readonly #open = new Map<number, OpenHold>()
  #lettingGo: readonly number[] = []
  readonly #letGo = new Set<number>()

  constructor(name: string) {
    this.#name = name
  }

  read(entries: readonly Entry[]): void {
    for (const entry of entries) this.#readEntry(entry)
    this.#closeAll(Infinity)
  }

  #readEntry(entry: Entry): void {
    switch (entry.kind) {
      case 'joined':
        this.#closeAll(entry.first)
        this.#owner = entry.owner
        this.#sessionTimeoutMs = entry.sessionTimeoutMs
        this.#maxPollIntervalMs = entry.maxPollIntervalMs
        this.#epoch = 0
        this.#told(entry)
        break
      case 'page':
        this.#told(entry)
        this.#delivered(entry)
        break
      case 'beat':
        this.#told(entry)
        break
      case 'committing':
        for (const partition of entry.released) this.#close(partition, entry.at)
        this.#lettingGo = entry.released
        break
      case 'leaving':
        this.#closeAll(entry.at)
        break
      case 'lost':
        this.#closeAll(entry.received)
        break
      case 'wrong':
        this.#violation(entry.text)
        break
      // What is committed already may be committed again by anybody: that is no sign of a membership.
      case 'committed':
        for (const [partition, nextOffset] of entry.offered)
          if (this.#letGo.has(partition) && !entry.refused.includes(partition))
            this.lateCommits.push({ owner: this.#owner, partition, nextOffset, received: entry.received })
        if (entry.refused.length === 0) for (const partition of this.#lettingGo) this.#letGo.add(partition)
        break
      case 'observed':
        break
    }
  }

  #told(entry: Told): void {
    const { epoch, assignment, revoking, sent, received } = entry
    if (epoch < this.#epoch) this.#violation(`epoch ${this.#epoch} was followed by ${epoch}`)
    this.#epoch = epoch
    const held = new Set([...assignment, ...revoking])
    if (held.size < assignment.length + revoking.length) this.#violation('told of a partition twice')
    for (const partition of this.#open.keys()) {
      if (held.has(partition)) continue
      this.#violation(`partition ${partition} was taken away before it was let go of`)
      this.#close(partition, sent)
    }
    for (const partition of held) this.#letGo.delete(partition)
    for (const partition of assignment) if (!this.#open.has(partition)) this.#open.set(partition, { since: received })
    if (entry.kind !== 'beat' && revoking.length === 0) this.#polled = sent
    this.#keepAlive(sent)
  }

  #delivered(entry: Extract<Entry, { readonly kind: 'page' }>): void {
    const { sent, received } = entry
    const readable = new Set(entry.assignment)
    for (const [partition, from, to] of entry.ranges) {
      const hold = this.#open.get(partition)
      if (!readable.has(partition)) this.#violation(`a page has records of ${partition}, which is not to be read`)
      const delivery = { owner: this.#owner, partition, from, to, sent, received }
      this.deliveries.push({ ...delivery, expected: hold?.next })
      if (hold !== undefined) hold.next = to
    }
  }

  /** A call counts only within the time that a poll gives. */
  #keepAlive(sent: number): void {
    this.#alive = Math.max(this.#alive, Math.min(sent, this.#polled + this.#maxPollIntervalMs))
  }

  #closeAll(at: number): void {
    for (const partition of this.#open.keys()) this.#close(partition, at)
  }

  #close(partition: number, at: number): void {
    const hold = this.#open.get(partition)
    this.#open.delete(partition)
    if (hold === undefined) return
    const to = Math.min(at, this.#alive + this.#sessionTimeoutMs, this.#polled + this.#maxPollIntervalMs)
    if (to > hold.since) this.holds.push({ owner: this.#owner, partition, from: hold.since, to })
  }

  #violation(text: string): void {
    this.violations.push(`${this.#name}: ${text}`)
  }
}
