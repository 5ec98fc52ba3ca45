import { BrokerError } from '../broker/broker-error.ts'
import type { OffsetAnswer, OffsetQuery } from '../broker/engine.ts'
import { servedPartition } from './served-partition.ts'
import type { TopicTable } from './topic-table.ts'

/** See `Engine.listOffsets`. */
export async function lookUpOffset(table: TopicTable, query: OffsetQuery): Promise<OffsetAnswer> {
  const { topic, partition, at } = query
  try {
    const { log, host } = servedPartition(table, query)
    if (at === 'earliest') return { topic, partition, offset: log.logStartOffset, timestamp: -1 }
    if (at === 'latest') return { topic, partition, offset: log.highWatermark, timestamp: -1 }
    const found = await host.reader.findByTime(log, at)
    return { topic, partition, offset: found?.offset ?? null, timestamp: found?.timestamp ?? -1 }
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    return { topic, partition, offset: null, timestamp: -1, error }
  }
}
