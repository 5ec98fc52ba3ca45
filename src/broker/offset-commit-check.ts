import { BrokerError, type FieldError } from './broker-error.ts'
import type { Engine } from './engine.ts'
import type { OffsetCommit } from './group-coordinator.ts'
import { type PartitionEnds, partitionEnds } from './group-lag.ts'

/** A commit that may be stored, with where its partition ends. */
export interface CheckedCommit extends OffsetCommit, PartitionEnds {
  /** Of the topic that was looked at: one that has got its name since is not meant. */
  readonly topicId: string
}

/**
 * Checks all offsets of a request before any is stored: topic and partition exist, each partition is named once, the
 * metadata is not too long, and the offset is not beyond the log's end (where Kafka would take it, and the group would
 * silently skip what is published up to there). A partition that cannot be asked for its end is not checked against it.
 *
 * @param pointerOf where the entry at an index came from
 */
export async function checkCommits(
  engine: Engine,
  offsets: readonly OffsetCommit[],
  metadataBytesMax: number,
  pointerOf: (index: number) => string,
): Promise<readonly CheckedCommit[]> {
  await lookForUnknown(engine, offsets)
  refuse(
    'UNKNOWN_TOPIC_OR_PARTITION',
    faultsOf(offsets, pointerOf, (offset) => unknownFault(engine, offset)),
  )
  const seen = new Set<string>()
  refuse(
    'INVALID_REQUEST',
    faultsOf(offsets, pointerOf, ({ topic, partition }) => {
      const key = `${topic}/${partition}`
      if (seen.has(key)) return { member: '/partition', detail: `Partition ${partition} of "${topic}" is named twice.` }
      seen.add(key)
      return undefined
    }),
  )
  refuse(
    'OFFSET_METADATA_TOO_LARGE',
    faultsOf(offsets, pointerOf, ({ metadata = '' }) => {
      if (metadata.length <= metadataBytesMax) return undefined
      const detail = `The metadata has ${metadata.length} characters; offset.metadata.max.bytes allows ${metadataBytesMax}.`
      return { member: '/metadata', detail }
    }),
  )
  const named = offsets.map((offset) => ({ ...offset, topicId: engine.topics.find(offset.topic)?.topicId ?? '' }))
  const ends = await partitionEnds(engine, offsets)
  const checked = named.map((offset, index) => ({
    ...offset,
    ...(ends[index] ?? { logStartOffset: null, endOffset: null }),
  }))
  refuse('OFFSET_OUT_OF_RANGE', faultsOf(checked, pointerOf, beyondEnd))
  return checked
}

/** Others may have made them since the engine last looked. */
async function lookForUnknown(engine: Engine, offsets: readonly OffsetCommit[]): Promise<void> {
  const unknown = offsets.filter((offset) => unknownFault(engine, offset) !== undefined)
  for (const topic of new Set(unknown.map((offset) => offset.topic))) await engine.topics.refresh(topic)
}

interface Fault {
  /** Appended to the entry's pointer. */
  readonly member: string
  readonly detail: string
}

function faultsOf<Entry>(
  entries: readonly Entry[],
  pointerOf: (index: number) => string,
  faultOf: (entry: Entry) => Fault | undefined,
): FieldError[] {
  const errors: FieldError[] = []
  entries.forEach((entry, index) => {
    const fault = faultOf(entry)
    if (fault !== undefined) errors.push({ pointer: `${pointerOf(index)}${fault.member}`, detail: fault.detail })
  })
  return errors
}

function refuse(
  code: 'UNKNOWN_TOPIC_OR_PARTITION' | 'INVALID_REQUEST' | 'OFFSET_METADATA_TOO_LARGE' | 'OFFSET_OUT_OF_RANGE',
  errors: readonly FieldError[],
): void {
  const [first] = errors
  if (first === undefined) return
  const others = errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''
  throw new BrokerError(code, `${first.detail}${others} Nothing was committed.`, { stored: 'no', errors })
}

function unknownFault(engine: Engine, { topic, topicId, partition }: OffsetCommit): Fault | undefined {
  const found = engine.topics.find(topic)
  if (found !== undefined && topicId !== undefined && topicId !== found.topicId) {
    return { member: '/topic', detail: `The topic "${topic}" was deleted and created again.` }
  }
  if (found === undefined) {
    const shown = topic.length <= 64 ? topic : `${topic.slice(0, 60)}…`
    return { member: '/topic', detail: `There is no topic ${JSON.stringify(shown)}.` }
  }
  if (partition < found.partitionCount) return undefined
  const detail = `The topic "${topic}" has no partition ${partition}: its partitions are 0 to ${found.partitionCount - 1}.`
  return { member: '/partition', detail }
}

function beyondEnd({ topic, partition, nextOffset, endOffset }: CheckedCommit): Fault | undefined {
  if (endOffset === null || nextOffset <= endOffset) return undefined
  const detail =
    `The offset ${nextOffset} is beyond the end of ${topic}-${partition}: ` +
    `commit the next offset to read, at most ${endOffset}.`
  return { member: '/nextOffset', detail }
}
