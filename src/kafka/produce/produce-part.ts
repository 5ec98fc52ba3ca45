import { KafkaProducers } from '../claims/kafka-producers.ts'
import type { EngineContext, FetchPart, ProducePart } from '../engine-parts.ts'
import { ConnectedCluster } from './connected-cluster.ts'
import { RecordAppender } from './record-appender.ts'

export function createProducePart(context: EngineContext, fetch: FetchPart): ProducePart {
  const appender = new RecordAppender(context, new ConnectedCluster(context.client))
  const producers = new KafkaProducers(context, fetch)
  return {
    producers,
    append: (request) => appender.append(request),
    get refusals() {
      return appender.refusals
    },
    close: () => {
      producers.close()
      return appender.close()
    },
  }
}
