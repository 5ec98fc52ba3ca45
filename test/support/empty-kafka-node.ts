import {
  Connection,
  consumerGroupDescribeV0,
  consumerGroupHeartbeatV0,
  deleteGroupsV2,
  deleteTopicsV6,
  listGroupsV5,
  metadataV12,
} from '@platformatic/kafka'
import type { KafkaNode } from './kafka-node.ts'

/** Removes the groups, with their members, and the topics but for those that a server keeps for itself. For a node that is alone. */
export async function emptyKafkaNode({ address }: KafkaNode): Promise<void> {
  const connection = new Connection('empty')
  const [host = '', port] = address.split(':')
  await connection.connect(host, Number(port))
  try {
    await removeGroups(connection)
    await removeTopics(connection)
  } finally {
    await connection.close()
  }
}

async function removeGroups(connection: Connection): Promise<void> {
  const listed = await listGroupsV5.api.async(connection, [], [])
  const ids = listed.groups.map(({ groupId }) => groupId)
  if (ids.length === 0) return
  const newOnes = listed.groups.filter(({ groupType }) => groupType === 'consumer').map(({ groupId }) => groupId)
  if (newOnes.length > 0) await removeMembers(connection, newOnes)
  await deleteGroupsV2.api.async(connection, ids)
}

async function removeMembers(connection: Connection, groups: string[]): Promise<void> {
  const described = await consumerGroupDescribeV0.api.async(connection, groups, false)
  for (const { groupId, members } of described.groups) {
    for (const { memberId, instanceId } of members) await removeMember(connection, groupId, memberId, instanceId)
  }
}

async function removeMember(
  connection: Connection,
  groupId: string,
  memberId: string,
  instanceId: string | null | undefined,
): Promise<void> {
  const { api } = consumerGroupHeartbeatV0
  await api.async(connection, groupId, memberId, -1, instanceId ?? null, null, -1, null, null, null, null)
}

async function removeTopics(connection: Connection): Promise<void> {
  const { topics } = await metadataV12.api.async(connection, null, false, false)
  const named = topics.flatMap(({ name }) => (name && !name.startsWith('__') ? [{ name }] : []))
  if (named.length > 0) await deleteTopicsV6.api.async(connection, named, 30_000)
}
