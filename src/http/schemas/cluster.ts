import type { TSchema } from 'typebox'
import { component, ref } from './component.ts'
import { count, MAX_INT32, offset, timestamp } from './integers.ts'
import { Type } from './type.ts'

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

export const ScrubSchema = component('Scrub', 'How far the reading again of a directory’s segments is.', {
  state: Type.String({
    description: 'off (log.scrub.bytes.per.second is 0), waiting for the next pass, or reading. More may be added.',
    examples: ['waiting'],
  }),
  scrubbedBytes: offset('Bytes read again since the start.'),
  passBytes: offset('Of the present pass over all segments, or the last one.'),
  passTotalBytes: offset('What that pass has to read.'),
  lastFullPassAt: timestamp('When a pass last came to its end; −1 = not since the start.'),
  findings: count('Damaged stretches and files that cannot be read, still part of a log; /health/ready names them.'),
})

export const LogDirSchema = component('LogDir', 'A directory that holds partitions.', {
  path: Type.String({
    description: 'With engine=kafka behind the number of its node.',
    examples: ['/data', '2:/data'],
  }),
  state: Type.String({ description: 'online, read-only or offline. More may be added.', examples: ['online'] }),
  reason: Type.Optional(Type.String({ description: 'Why it is not online.' })),
  totalBytes: offset('Of the file system.'),
  freeBytes: offset('Of the file system.'),
  partitionCount: count('Partitions it holds.'),
  sizeBytes: offset('Bytes of their logs.'),
  scrub: Type.Optional(ref(ScrubSchema)),
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

export const clusterComponents: readonly TSchema[] = [
  NodeSchema,
  ClusterSchema,
  ScrubSchema,
  LogDirSchema,
  LogDirListSchema,
]
export const healthComponents: readonly TSchema[] = [LivenessSchema, TroubleSchema, ReadinessSchema]
