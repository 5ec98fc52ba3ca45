/** What a group's changes are staged into, and how they become durable and visible. */
export interface GroupSteps<Step> {
  begin(group: string): Step
  /** Resolves when what was staged is durable and visible; rejects where nothing of it happened. */
  finish(step: Step): Promise<void>
}

interface Operation<Step> {
  /** Not to share its step with other operations. */
  readonly alone: boolean
  /** Decides what to change; false if it refused, and has told so. */
  stage(step: Step): boolean
  answer(): void
  reject(error: unknown): void
}

/**
 * Changes of one group happen one behind the other, so that each is decided on what those before it left; changes of
 * different groups do not wait for each other. What arrives for a group while a write of it is under way waits, and then
 * goes into one step together.
 */
export class GroupQueues<Step> {
  readonly #steps: GroupSteps<Step>
  /** A group is in here while a write of it is under way or about to begin. */
  readonly #waiting = new Map<string, Operation<Step>[]>()
  #idle: (() => void)[] = []

  constructor(steps: GroupSteps<Step>) {
    this.#steps = steps
  }

  /**
   * Calls `decide` when the group's earlier changes have ended, and resolves with what the function it returned gives,
   * when what it staged is durable and visible. What `decide` throws is the answer to this change alone; it must then have
   * staged nothing.
   */
  submit<Result>(group: string, decide: (step: Step) => () => Result): Promise<Result> {
    return this.#submit(group, decide, false)
  }

  /** The same, in a step of its own. */
  submitAlone<Result>(group: string, decide: (step: Step) => () => Result): Promise<Result> {
    return this.#submit(group, decide, true)
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#waiting.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve))
  }

  #submit<Result>(group: string, decide: (step: Step) => () => Result, alone: boolean): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      let result: () => Result
      this.#enqueue(group, {
        alone,
        stage(step) {
          try {
            result = decide(step)
            return true
          } catch (error) {
            reject(error)
            return false
          }
        },
        answer() {
          try {
            resolve(result())
          } catch (error) {
            reject(error)
          }
        },
        reject,
      })
    })
  }

  #enqueue(group: string, operation: Operation<Step>): void {
    const waiting = this.#waiting.get(group)
    if (waiting !== undefined) {
      waiting.push(operation)
      return
    }
    this.#waiting.set(group, [operation])
    void this.#run(group)
  }

  async #run(group: string): Promise<void> {
    for (;;) {
      const operations = this.#waiting.get(group) ?? []
      if (operations.length === 0) break
      const count = sharedStep(operations)
      this.#waiting.set(group, operations.slice(count))
      await this.#perform(group, operations.slice(0, count))
    }
    this.#waiting.delete(group)
    if (this.#waiting.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  async #perform(group: string, operations: readonly Operation<Step>[]): Promise<void> {
    let accepted = operations
    try {
      const step = this.#steps.begin(group)
      accepted = operations.filter((operation) => operation.stage(step))
      await this.#steps.finish(step)
    } catch (error) {
      // An operation that changed nothing may have decided so on what others staged: it fails with them.
      for (const operation of accepted) operation.reject(error)
      return
    }
    for (const operation of accepted) operation.answer()
  }
}

/** How many operations, from the first on, go into one step. */
function sharedStep(operations: readonly { readonly alone: boolean }[]): number {
  if (operations[0]?.alone === true) return 1
  const next = operations.findIndex(({ alone }) => alone)
  return next < 0 ? operations.length : next
}
