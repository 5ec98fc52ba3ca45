import type { Clock, Timer } from './clock.ts'

/** Tries to settle a claim. False: it has to go on waiting. */
export type ClaimAttempt = (isLast: boolean) => boolean

interface WaitingClaim {
  /** Who comes first of those that wait. */
  readonly order: number
  readonly attempt: ClaimAttempt
  readonly timer: Timer
}

interface Turn {
  held: boolean
  /** Mostly nobody does. */
  waiting: Set<WaitingClaim> | undefined
}

/** Who is at a producer or key, and who waits for it: one at a time, the lowest order first. */
export class ClaimTurns {
  readonly #clock: Clock
  readonly #waitMs: number
  readonly #turns = new Map<string, Turn>()

  constructor(clock: Clock, waitMs: number) {
    this.#clock = clock
    this.#waitMs = waitMs
  }

  isHeld(name: string): boolean {
    return this.#turns.get(name)?.held ?? false
  }

  hold(name: string): void {
    this.#turn(name).held = true
  }

  /** Lets go of it, and gives those that wait another try. */
  letGo(name: string): void {
    const turn = this.#turns.get(name)
    if (!turn) return
    turn.held = false
    if (!turn.waiting) {
      this.#turns.delete(name)
      return
    }
    const inOrder = [...turn.waiting].sort((one, other) => one.order - other.order)
    for (const waiting of inOrder) if (waiting.attempt(false)) leave(turn, waiting)
    this.#tidy(name, turn)
  }

  /** Tries again whenever the turn is free, and for the last time when it has waited long enough. */
  wait(name: string, order: number, attempt: ClaimAttempt): void {
    const turn = this.#turn(name)
    const all = (turn.waiting ??= new Set())
    const timer = this.#clock.setTimer(this.#waitMs, () => {
      all.delete(waiting)
      attempt(true)
      this.#tidy(name, turn)
    })
    const waiting: WaitingClaim = { order, attempt, timer }
    all.add(waiting)
  }

  /** A last try for all that wait for one of these. */
  endWaits(matches: (name: string) => boolean): void {
    for (const [name, turn] of this.#turns) {
      if (!matches(name)) continue
      for (const waiting of turn.waiting ?? []) {
        waiting.attempt(true)
        leave(turn, waiting)
      }
      this.#tidy(name, turn)
    }
  }

  #turn(name: string): Turn {
    let turn = this.#turns.get(name)
    if (!turn) this.#turns.set(name, (turn = { held: false, waiting: undefined }))
    return turn
  }

  #tidy(name: string, turn: Turn): void {
    if (!turn.held && !turn.waiting?.size) this.#turns.delete(name)
  }
}

function leave(turn: Turn, waiting: WaitingClaim): void {
  waiting.timer.cancel()
  turn.waiting?.delete(waiting)
}
