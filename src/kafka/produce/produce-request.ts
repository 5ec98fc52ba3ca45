import { Writer, type Connection, type Reader } from '@platformatic/kafka'
import type { Acks } from '../../broker/append-request.ts'

/*
 * Produce, version 9: every broker since 2.8 speaks it. Batches go through as the bytes they are.
 *
 *   request   transactional_id COMPACT_NULLABLE_STRING, acks INT16, timeout_ms INT32,
 *             topics [ name COMPACT_STRING, partitions [ index INT32, records COMPACT_BYTES, tags ], tags ], tags
 *   response  topics [ name COMPACT_STRING,
 *               partitions [ index INT32, error_code INT16, base_offset INT64, log_append_time_ms INT64,
 *                 log_start_offset INT64, record_errors [ batch_index INT32, message COMPACT_NULLABLE_STRING, tags ],
 *                 error_message COMPACT_NULLABLE_STRING, tags ], tags ], throttle_time_ms INT32, tags
 */
const PRODUCE = 0
const VERSION = 9

const acksOnTheWire: Readonly<Record<Acks, number>> = { all: -1, '1': 1, '0': 0 }

export interface ProduceRequest {
  readonly acks: Acks
  /** How long the broker waits for replicas. */
  readonly timeoutMs: number
  readonly transactionalId?: string
  /** Each partition once. */
  readonly batches: readonly PartitionBatch[]
}

export interface PartitionBatch {
  readonly topic: string
  readonly partition: number
  /** One record batch. */
  readonly bytes: Buffer
}

export interface PartitionAnswer {
  readonly topic: string
  readonly partition: number
  readonly kafkaCode: number
  readonly baseOffset: number
  readonly logAppendTime: number
  readonly message: string | null
  /** Where they tell of single records. */
  readonly recordErrors?: readonly RecordError[]
}

export interface RecordError {
  /** Of the record in its batch. */
  readonly index: number
  readonly message: string | null
}

/**
 * The bytes are copied before this returns. Where acks is 0, resolves with an empty list when the connection has room for
 * more, or is gone; else rejects as the client library does where no answer comes.
 */
export function produce(connection: Connection, request: ProduceRequest): Promise<readonly PartitionAnswer[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly PartitionAnswer[]>()
  const write = (): Writer => writeProduceRequest(request)
  connection.send<readonly PartitionAnswer[]>(PRODUCE, VERSION, write, parse, true, true, (error, answers) => {
    if (error !== null) reject(error)
    else if (request.acks === '0') roomIn(connection, () => resolve([]))
    else resolve(answers ?? [])
  })
  return promise
}

/** A node that answers nothing may take nothing either: what it is sent would pile up before it, without end. */
function roomIn({ socket }: Connection, then: () => void): void {
  if (!socket.writableNeedDrain) return then()
  const end = (): void => {
    socket.off('drain', end)
    socket.off('close', end)
    then()
  }
  socket.on('drain', end)
  socket.on('close', end)
}

export function writeProduceRequest({ acks, timeoutMs, transactionalId, batches }: ProduceRequest): Writer {
  const writer = Writer.create()
    .appendString(transactionalId ?? null)
    .appendInt16(acksOnTheWire[acks])
    .appendInt32(timeoutMs)
  writer.appendArray([...byTopic(batches)], (topics, [topic, ofTopic]) => {
    topics.appendString(topic).appendArray([...ofTopic], (partitions, { partition, bytes }) => {
      partitions
        .appendInt32(partition)
        .appendUnsignedVarInt(bytes.length + 1)
        .append(bytes)
    })
  })
  writer.appendTaggedFields()
  if (acks === '0') writer.context['noResponse'] = true
  return writer
}

export function readProduceResponse(reader: Reader): readonly PartitionAnswer[] {
  const answers: PartitionAnswer[] = []
  reader.readArray((topics) => {
    const topic = topics.readString()
    topics.readArray((partitions) => void answers.push(readPartition(partitions, topic)))
  })
  return answers
}

function parse(_correlationId: number, _apiKey: number, _version: number, reader: Reader): readonly PartitionAnswer[] {
  return readProduceResponse(reader)
}

function readPartition(reader: Reader, topic: string): PartitionAnswer {
  const partition = reader.readInt32()
  const kafkaCode = reader.readInt16()
  const baseOffset = Number(reader.readInt64())
  const logAppendTime = Number(reader.readInt64())
  reader.readInt64()
  const recordErrors = reader.readArray((records): RecordError => {
    return { index: records.readInt32(), message: records.readNullableString() }
  })
  const message = reader.readNullableString()
  const answer = { topic, partition, kafkaCode, baseOffset, logAppendTime, message }
  return recordErrors.length === 0 ? answer : { ...answer, recordErrors }
}

function byTopic(batches: readonly PartitionBatch[]): ReadonlyMap<string, readonly PartitionBatch[]> {
  return Map.groupBy(batches, ({ topic }) => topic)
}
