import { Type, type TSchema } from 'typebox'
import { component, ref } from './component.ts'
import { count, MAX_INT32, offset } from './integers.ts'

export const NodeSchema = component('ClusterNode', 'A server of the cluster.', {
  id: Type.Integer({ format: 'int32' }),
  host: Type.String(),
  port: Type.Integer({ format: 'int32', minimum: 0, maximum: 65_535 }),
  rack: Type.Optional(Type.String()),
})

export const ClusterSchema = component('Cluster', 'What runs here.', {
  clusterId: Type.String(),
  controllerId: Type.Integer({ format: 'int32', maximum: MAX_INT32 }),
  engine: Type.String({ description: 'embedded or kafka. More may be added.', examples: ['embedded'] }),
  nodes: Type.Array(ref(NodeSchema)),
})

export const LogDirSchema = component('LogDir', 'A directory that holds partitions.', {
  path: Type.String(),
  state: Type.String({ description: 'online, read-only or offline. More may be added.', examples: ['online'] }),
  reason: Type.Optional(Type.String({ description: 'Why it is not online.' })),
  totalBytes: offset('Of the file system.'),
  freeBytes: offset('Of the file system.'),
  partitionCount: count('Partitions it holds.'),
  sizeBytes: offset('Bytes of their logs.'),
})

export const LogDirListSchema = component('LogDirList', 'A page of log directories, sorted by path.', {
  items: Type.Array(ref(LogDirSchema)),
  nextCursor: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'null on the last page.' }),
})

export const LivenessSchema = component('Liveness', 'The process answers.', {
  status: Type.String({ examples: ['live'] }),
})

export const TroubleSchema = component('Trouble', 'What keeps the server from doing its work in full.', {
  kind: Type.String({ description: 'A stable word. More may be added.', examples: ['log-dir-offline'] }),
  detail: Type.String(),
  notReady: Type.Boolean({ description: 'The server should get no traffic while it lasts.' }),
})

export const ReadinessSchema = component('Readiness', 'The server takes traffic.', {
  status: Type.String({ description: 'ready, or degraded if there are troubles.', examples: ['ready'] }),
  troubles: Type.Array(ref(TroubleSchema)),
})

export const clusterComponents: readonly TSchema[] = [NodeSchema, ClusterSchema, LogDirSchema, LogDirListSchema]
export const healthComponents: readonly TSchema[] = [LivenessSchema, TroubleSchema, ReadinessSchema]
