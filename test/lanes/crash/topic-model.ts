import type { Findings } from './findings.ts'

/** What a client can see of a topic. */
export interface TopicState {
  readonly partitions: number
  readonly retentionMs: string
  /** In its first partition. */
  readonly records: number
}

export type TopicChange = (state: TopicState | undefined) => TopicState | undefined

interface Change {
  readonly what: string
  readonly to: TopicState | undefined
  readonly at: number
}

/** What clients were told of topics that they create, change and delete, and what may have come of it without an answer. */
export class TopicModel {
  changes = 0
  readonly #findings: Findings
  readonly #now: () => number
  readonly #acknowledged = new Map<string, Change>()
  /** Sent, and not answered. At most one a topic. */
  readonly #pending = new Map<string, Change>()

  constructor(findings: Findings, now: () => number) {
    this.#findings = findings
    this.#now = now
  }

  /** By name, as they are known to be. */
  state(topic: string): TopicState | undefined {
    return this.#acknowledged.get(topic)?.to
  }

  /** Whether a call got no answer: what became of it is seen by the next audit, and until then it must be left alone. */
  isUnknown(topic: string): boolean {
    return this.#pending.has(topic)
  }

  sent(topic: string, what: string, change: TopicChange): void {
    this.#pending.set(topic, { what, to: change(this.state(topic)), at: this.#now() })
  }

  acknowledged(topic: string): void {
    const change = this.#pending.get(topic)
    if (change === undefined) return
    this.#pending.delete(topic)
    this.#acknowledged.set(topic, { ...change, at: this.#now() })
    this.changes++
  }

  refused(topic: string): void {
    this.#pending.delete(topic)
  }

  /** Every topic is as it was acknowledged, or as the change that got no answer would have it. */
  audit(found: ReadonlyMap<string, TopicState>, crashedAt: number): void {
    for (const topic of new Set([...found.keys(), ...this.#acknowledged.keys(), ...this.#pending.keys()])) {
      const is = found.get(topic)
      const known = this.#acknowledged.get(topic)
      const pending = this.#pending.get(topic)
      const allowed = pending === undefined ? [known?.to] : [known?.to, pending.to]
      if (!allowed.some((state) => isSame(state, is))) this.#report(topic, is, known, pending, crashedAt)
      this.#pending.delete(topic)
      if (is === undefined) this.#acknowledged.delete(topic)
      else this.#acknowledged.set(topic, { what: 'found', to: is, at: this.#now() })
    }
  }

  #report(
    topic: string,
    is: TopicState | undefined,
    known: Change | undefined,
    pending: Change | undefined,
    crashedAt: number,
  ): void {
    this.#findings.lost++
    const before =
      known === undefined ? 'was never made' : `${known.what} ${(crashedAt - known.at).toFixed(1)} ms before`
    const sent = pending === undefined ? '' : `, then sent ${pending.what}: ${text(pending.to)}`
    this.#findings.violation(`topic ${topic}: ${before} the crash: ${text(known?.to)}${sent}; it is ${text(is)}`)
  }
}

function isSame(a: TopicState | undefined, b: TopicState | undefined): boolean {
  return text(a) === text(b)
}

function text(state: TopicState | undefined): string {
  if (state === undefined) return 'not there'
  return `${state.partitions} partitions, retention.ms ${state.retentionMs}, ${state.records} records`
}
