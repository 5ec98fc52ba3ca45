import type { GroupCoordinator } from '../../src/broker/group-coordinator.ts'

/** A coordinator that knows no group and takes no commit. */
export const noGroups: GroupCoordinator = {
  commit: () => Promise.reject(new Error('this coordinator takes no commit')),
  committed: () => [],
  forget: () => Promise.resolve(0),
  list: () => [],
  find: () => undefined,
  delete: () => Promise.reject(new Error('this coordinator has no group')),
}
