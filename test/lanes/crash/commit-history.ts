import { OffsetHistory } from '../groups/offset-history.ts'
import type { Findings } from './findings.ts'

/** Committed offsets of one group without members: never behind what was acknowledged, never beyond what was sent. */
export class CommitHistory {
  acknowledgements = 0
  readonly #group: string
  readonly #findings: Findings
  readonly #acknowledged = new OffsetHistory()
  readonly #sent = new OffsetHistory()

  constructor(group: string, findings: Findings) {
    this.#group = group
    this.#findings = findings
  }

  sent(at: number, nextOffset: number): void {
    this.#sent.add(at, nextOffset)
  }

  acknowledged(at: number, nextOffset: number): void {
    this.#acknowledged.add(at, nextOffset)
    this.acknowledgements++
  }

  /** @param sentAt when it was asked for */
  observed(sentAt: number, receivedAt: number, nextOffset: number | null): void {
    const atLeast = this.#acknowledged.highestBefore(sentAt)
    const atMost = this.#sent.highestBefore(receivedAt)
    const is = nextOffset ?? -1
    if (is < atLeast) {
      this.#findings.lost++
      this.#findings.movedBack++
      this.#findings.violation(`group ${this.#group}: ${atLeast} was committed, and it stands at ${is}`)
    }
    if (is > atMost)
      this.#findings.violation(`group ${this.#group} stands at ${is}, and nobody committed above ${atMost}`)
    this.#acknowledged.add(receivedAt, is)
  }
}
