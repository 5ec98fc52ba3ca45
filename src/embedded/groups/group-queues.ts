import type { OffsetTable } from './offset-table.ts'
import { type OffsetWrite, StagedOffsets } from './staged-offsets.ts'

/** Resolves when the changes are durable. */
export type WriteOffsets = (group: string, writes: readonly OffsetWrite[]) => Promise<void>

interface Operation {
  /** Decides what to change; false if it refused, and has told so. */
  stage(staged: StagedOffsets): boolean
  resolve(): void
  reject(error: unknown): void
}

/**
 * Changes of one group happen one behind the other, so that an older commit never overtakes a newer one; changes of
 * different groups do not wait for each other. What arrives for a group while a write of it is under way waits, and then
 * goes into one write together.
 */
export class GroupQueues {
  readonly #table: OffsetTable
  readonly #write: WriteOffsets
  /** A group is in here while a write of it is under way or about to begin. */
  readonly #waiting = new Map<string, Operation[]>()
  #running = 0
  #idle: (() => void)[] = []

  constructor(table: OffsetTable, write: WriteOffsets) {
    this.#table = table
    this.#write = write
  }

  /**
   * Calls `decide` when the group's earlier changes have ended, and resolves with its result when what it staged is
   * durable and visible. What `decide` throws is the answer to this change alone; it must then have staged nothing.
   */
  submit<Result>(group: string, decide: (staged: StagedOffsets) => Result): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      let result: Result
      const operation: Operation = {
        stage(staged) {
          try {
            result = decide(staged)
            return true
          } catch (error) {
            reject(error)
            return false
          }
        },
        resolve: () => resolve(result),
        reject,
      }
      const waiting = this.#waiting.get(group)
      if (waiting !== undefined) waiting.push(operation)
      else {
        this.#waiting.set(group, [operation])
        this.#running++
        void this.#run(group)
      }
    })
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve))
  }

  async #run(group: string): Promise<void> {
    for (;;) {
      const operations = this.#waiting.get(group) ?? []
      if (operations.length === 0) break
      this.#waiting.set(group, [])
      await this.#perform(group, operations)
    }
    this.#waiting.delete(group)
    if (--this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  async #perform(group: string, operations: readonly Operation[]): Promise<void> {
    const staged = new StagedOffsets(this.#table, group)
    const accepted = operations.filter((operation) => operation.stage(staged))
    try {
      const { writes } = staged
      if (writes.length > 0) {
        await this.#write(group, writes)
        staged.apply()
      }
    } catch (error) {
      // An operation that changed nothing may have decided so on what others staged: it fails with them.
      for (const operation of accepted) operation.reject(error)
      return
    }
    for (const operation of accepted) operation.resolve()
  }
}
