import type { GroupOutcome } from './lines-progress.ts'
import type { LineGroup } from './line-group.ts'

/** As many as keep the log busy while the next ones are read, and no more memory than that. */
const MAX_GROUPS = 12
const MAX_BYTES = 3 * 1024 * 1024

interface GroupUnderWay {
  readonly group: LineGroup
  readonly bytes: number
  outcome: GroupOutcome | undefined
}

/** Groups that are being stored, a bounded number. What became of them is told in their order. */
export class GroupsUnderWay {
  readonly #onSettled: (group: LineGroup, outcome: GroupOutcome) => void
  readonly #groups: GroupUnderWay[] = []
  #bytes = 0
  #changed: PromiseWithResolvers<void> | undefined

  /** @param onSettled told once of each group, in order */
  constructor(onSettled: (group: LineGroup, outcome: GroupOutcome) => void) {
    this.#onSettled = onSettled
  }

  get isEmpty(): boolean {
    return this.#groups.length === 0
  }

  /** @param outcome never rejects */
  add(group: LineGroup, outcome: Promise<GroupOutcome>): void {
    const entry: GroupUnderWay = { group, bytes: group.capacity, outcome: undefined }
    this.#groups.push(entry)
    this.#bytes += entry.bytes
    void this.#settle(entry, outcome)
  }

  /** Resolves when another group of so many bytes may be on its way. */
  async room(bytes: number): Promise<void> {
    while (this.#groups.length >= MAX_GROUPS || (this.#groups.length > 0 && this.#bytes + bytes > MAX_BYTES)) {
      await this.change()
    }
  }

  /** Resolves when all are settled. */
  async idle(): Promise<void> {
    while (this.#groups.length > 0) await this.change()
  }

  /** Resolves when some of them are settled. */
  change(): Promise<void> {
    this.#changed ??= Promise.withResolvers<void>()
    return this.#changed.promise
  }

  async #settle(entry: GroupUnderWay, outcome: Promise<GroupOutcome>): Promise<void> {
    entry.outcome = await outcome
    this.#tell()
  }

  #tell(): void {
    let told = false
    for (let first = this.#groups[0]; first?.outcome !== undefined; first = this.#groups[0]) {
      this.#groups.shift()
      this.#bytes -= first.bytes
      this.#onSettled(first.group, first.outcome)
      told = true
    }
    if (!told) return
    this.#changed?.resolve()
    this.#changed = undefined
  }
}
