import { BrokerError } from './broker-error.ts'
import type { CursorCodec } from './cursor.ts'
import type { LogDirDescription } from './log-dir-description.ts'
import type { ClusterDescription, Engine, Trouble } from './engine.ts'
import { pageOf, type ListPage, type ListRequest } from './list-page.ts'

/** What runs here, and how well. */
export class ClusterService {
  readonly #engine: Engine
  readonly #cursors: CursorCodec

  constructor(engine: Engine, cursors: CursorCodec) {
    this.#engine = engine
    this.#cursors = cursors
  }

  describe(): Promise<ClusterDescription> {
    return this.#engine.cluster()
  }

  /** Sorted by path. */
  async logDirs(request: ListRequest): Promise<ListPage<LogDirDescription>> {
    const all = [...(await this.#engine.logDirs())].sort((a, b) => (a.path < b.path ? -1 : 1))
    return pageOf(all, ({ path }) => path, 'log dirs', request, this.#cursors)
  }

  /** What is wrong; rejects with NOT_READY while any of it means that the server should get no traffic. */
  readiness(): readonly Trouble[] {
    const troubles = this.#engine.troubles()
    const grave = troubles.filter(({ notReady }) => notReady)
    if (grave.length === 0) return troubles
    const told = grave.map(({ detail }) => detail).join('; ')
    throw new BrokerError('NOT_READY', `The server should get no traffic: ${told}.`, { facts: { troubles } })
  }
}
