import type { Clock, Timer } from '../../broker/clock.ts'
import type { MemberAnswer, MemberIdentity, MemberState, PartitionsOfTopic } from '../../broker/group-membership.ts'
import { endsMembership } from './member-errors.ts'
import { common, union } from './partition-sets.ts'

/** A waiting request asks soon at first, for a group settles within seconds; then as often as the coordinator wants. */
const FIRST_QUESTION_MS = 500

/** @param keepsAlive false: the member is only looked at */
export type Question = (state: MemberState, keepsAlive: boolean) => Promise<MemberAnswer>

/**
 * Members that requests wait for on this gateway, for as long as they wait: each is asked for again and again, so that its
 * session lives and its news are seen. Kafka tells nobody anything by itself.
 */
export class WatchedMembers {
  readonly #clock: Clock
  readonly #ask: Question
  readonly #watches = new Map<string, MemberWatch>()

  constructor(clock: Clock, ask: Question) {
    this.#clock = clock
    this.#ask = ask
  }

  onNews(state: MemberState, listener: () => void): () => void {
    const watch = this.#watchOf(state)
    watch.begin(state)
    watch.listeners.add(listener)
    return () => {
      watch.listeners.delete(listener)
      this.#letGo(state)
    }
  }

  hold(identity: Pick<MemberIdentity, 'group' | 'memberId'>): () => void {
    const watch = this.#watchOf(identity)
    const hold = {}
    watch.holds.add(hold)
    return () => {
      watch.holds.delete(hold)
      this.#letGo(identity)
    }
  }

  /** What the coordinator said last, where anybody waits for the member here; rejects what ended its membership. */
  last(identity: Pick<MemberIdentity, 'group' | 'memberId'>): MemberAnswer | undefined {
    return this.#watches.get(keyOf(identity))?.last
  }

  /** What to call with: requests that wait move their member on by themselves, past what its cursor says. */
  present<State extends MemberState>(state: State): State {
    return this.#watches.get(keyOf(state))?.present(state) ?? state
  }

  answered(identity: Pick<MemberIdentity, 'group' | 'memberId'>, answer: MemberAnswer): void {
    this.#watches.get(keyOf(identity))?.answered(answer)
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.end()
    this.#watches.clear()
  }

  #watchOf(identity: Pick<MemberIdentity, 'group' | 'memberId'>): MemberWatch {
    const key = keyOf(identity)
    const watch = this.#watches.get(key) ?? new MemberWatch(this.#clock, this.#ask)
    this.#watches.set(key, watch)
    return watch
  }

  #letGo(identity: Pick<MemberIdentity, 'group' | 'memberId'>): void {
    const watch = this.#watches.get(keyOf(identity))
    if (watch === undefined || watch.listeners.size > 0 || watch.holds.size > 0) return
    watch.end()
    this.#watches.delete(keyOf(identity))
  }
}

class MemberWatch {
  readonly listeners = new Set<() => void>()
  readonly holds = new Set<object>()
  readonly #clock: Clock
  readonly #ask: Question
  /** As the request that began to wait last had it. */
  #state: MemberState | undefined
  #timer: Timer | undefined
  #delayMs = FIRST_QUESTION_MS
  #hasEnded = false
  #last: MemberAnswer | undefined
  #failure: unknown

  constructor(clock: Clock, ask: Question) {
    this.#clock = clock
    this.#ask = ask
  }

  get last(): MemberAnswer | undefined {
    if (this.#failure !== undefined) throw this.#failure
    return this.#last
  }

  begin(state: MemberState): void {
    this.#failure = undefined
    this.#state = state
    this.#timer ??= this.#later()
  }

  /**
   * Of the call that waits here, and of those that show what it has seen since. With the newer epoch the coordinator believes
   * whatever the member says it owns, also what it has let go of: only what was told with that epoch is said.
   */
  present<State extends MemberState>(state: State): State {
    const last = this.#last
    if (last === undefined || this.#state === undefined || state.memberEpoch < this.#state.memberEpoch) return state
    if (last.memberEpoch <= state.memberEpoch) return state
    const owned = union(last.assignment, last.revoking)
    return {
      ...state,
      memberEpoch: last.memberEpoch,
      ...(state.held !== undefined && { held: common(state.held, owned) }),
      ...(state.announced !== undefined && { announced: common(state.announced, owned) }),
    }
  }

  answered(answer: MemberAnswer): void {
    const known = this.#last === undefined ? signatureOfState(this.#state) : signatureOf(this.#last)
    this.#last = answer
    if (known !== undefined && known !== signatureOf(answer)) this.#tell()
  }

  end(): void {
    this.#hasEnded = true
    this.#timer?.cancel()
  }

  #later(): Timer {
    const delayMs = this.#delayMs
    this.#delayMs = Math.min(delayMs * 2, this.#last?.heartbeatIntervalMs ?? delayMs * 2)
    return this.#clock.setTimer(delayMs, () => void this.#question())
  }

  async #question(): Promise<void> {
    this.#timer = undefined
    if (this.#state === undefined) return
    try {
      this.answered(await this.#ask(this.present(this.#state), this.holds.size > 0))
    } catch (error) {
      // What passes by itself is asked again; the request that waits is not to be bothered with it.
      if (endsMembership(error)) {
        this.#failure = error
        this.#tell()
        return
      }
    }
    if (!this.#hasEnded) this.#timer ??= this.#later()
  }

  #tell(): void {
    const listeners = [...this.listeners]
    this.listeners.clear()
    for (const listener of listeners) listener()
  }
}

function signatureOf({ assignment, revoking }: Pick<MemberAnswer, 'assignment' | 'revoking'>): string {
  return `${textOf(assignment)} ${textOf(revoking)}`
}

/** What the request's cursor was told, where it says. */
function signatureOfState(state: MemberState | undefined): string | undefined {
  return state?.held === undefined ? undefined : `${textOf(state.held)} ${textOf(state.announced ?? [])}`
}

function textOf(topics: readonly PartitionsOfTopic[]): string {
  return union(topics)
    .map(({ topicId, partitions }) => `${topicId}:${partitions.join()}`)
    .join(';')
}

/** Ids hold no spaces. */
function keyOf({ group, memberId }: Pick<MemberIdentity, 'group' | 'memberId'>): string {
  return `${group} ${memberId}`
}
