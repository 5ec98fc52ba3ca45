import { ClusterLedgerLog } from '../claims/cluster-ledger-log.ts'
import { ClusterTransactions } from '../claims/cluster-transactions.ts'
import { KafkaProducers } from '../claims/kafka-producers.ts'
import type { EngineContext, FetchPart, ProducePart } from '../engine-parts.ts'
import { ConnectedCluster } from './connected-cluster.ts'
import { RecordAppender } from './record-appender.ts'

export function createProducePart(context: EngineContext, fetch: FetchPart): ProducePart {
  const { client } = context
  const appender = new RecordAppender(context, new ConnectedCluster(client))
  const producers = new KafkaProducers({
    ...context,
    stopping: client.stopping,
    transactions: new ClusterTransactions(client),
    ledgerLog: (topic) => new ClusterLedgerLog(client, topic),
    listOffsets: (queries) => fetch.listOffsets(queries),
  })
  return {
    producers,
    append: (request) => appender.append(request),
    get refusals() {
      return appender.refusals + producers.refusals
    },
    get producerStateBytes() {
      return producers.stateBytes
    },
    close: async () => {
      await Promise.all([producers.close(), appender.close()])
    },
  }
}
