import type { Part } from './part.ts'
import { acksPart } from './workloads/acks.ts'
import { batchesPart } from './workloads/batches.ts'
import { compressionPart } from './workloads/compression.ts'
import { costPart } from './workloads/cost.ts'
import { groupsPart } from './workloads/groups.ts'
import { kafkaPart } from './workloads/kafka.ts'
import { kafkaRepeatablePart } from './workloads/kafka-repeatable.ts'
import { keepingPart } from './workloads/keeping.ts'
import { latencyPart } from './workloads/latency.ts'
import { linesPart } from './workloads/lines.ts'
import { memoryPart } from './workloads/memory.ts'
import { partitionsPart } from './workloads/partitions.ts'
import { publishPart } from './workloads/publish.ts'
import { readPart } from './workloads/read.ts'
import { repeatablePart } from './workloads/repeatable.ts'
import { startUpPart } from './workloads/start-up.ts'
import { streamsPart } from './workloads/streams.ts'
import { tailPart } from './workloads/tail.ts'

/** All parts, in the order they run in. */
export const parts: readonly Part[] = [
  publishPart,
  partitionsPart,
  acksPart,
  repeatablePart,
  linesPart,
  compressionPart,
  batchesPart,
  readPart,
  latencyPart,
  tailPart,
  groupsPart,
  streamsPart,
  keepingPart,
  startUpPart,
  memoryPart,
  costPart,
  kafkaPart,
  kafkaRepeatablePart,
]
