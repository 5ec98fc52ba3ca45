import type { EngineContext, GroupPart } from '../engine-parts.ts'
import { notThere } from '../not-there.ts'

export function createGroupPart(_context: EngineContext): GroupPart {
  const refuse = (): Promise<never> => Promise.reject(notThere('Consumer groups'))
  return {
    groups: { commit: refuse, committed: refuse, forget: refuse, list: refuse, find: refuse, delete: refuse },
    membership: {
      join: refuse,
      heartbeat: refuse,
      leave: refuse,
      commit: refuse,
      standing: () => {
        throw notThere('Consumer groups')
      },
      onNews: () => () => {},
      holdSession: () => () => {},
      describe: refuse,
    },
    close: () => Promise.resolve(),
  }
}
