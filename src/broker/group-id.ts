import { BrokerError } from './broker-error.ts'
import type { Engine } from './engine.ts'
import type { GroupSummary } from './group-coordinator.ts'
import { nameFault } from './topic-name.ts'

/** Group ids follow the rule of topic names: they are parts of paths, of keys in the log, and of metrics. */
export function checkGroupId(group: string): void {
  const fault = nameFault(group)
  if (fault === undefined) return
  const shown = group.length <= 64 ? group : `${group.slice(0, 60)}…`
  const detail = `The group id ${JSON.stringify(shown)} is not legal: ${fault}.`
  throw new BrokerError('INVALID_GROUP_ID', detail, { errors: [{ pointer: 'group', detail }] })
}

/** The group, or GROUP_ID_NOT_FOUND. */
export async function foundGroup(engine: Engine, group: string): Promise<GroupSummary> {
  checkGroupId(group)
  const found = await engine.groups.find(group)
  if (found !== undefined) return found
  throw new BrokerError(
    'GROUP_ID_NOT_FOUND',
    `There is no consumer group "${group}": a group begins with its first member or its first commit. GET /consumer-groups lists those there are.`,
  )
}
