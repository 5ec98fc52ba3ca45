import type { EngineContext, ProducePart } from '../engine-parts.ts'
import { notThere } from '../not-there.ts'
import { ConnectedCluster } from './connected-cluster.ts'
import { RecordAppender } from './record-appender.ts'

export function createProducePart(context: EngineContext): ProducePart {
  const appender = new RecordAppender(context, new ConnectedCluster(context.client))
  return {
    producers: {
      claim: () => Promise.reject(notThere('Publishing with an identity')),
      describe: () => Promise.reject(notThere('Publishing with an identity')),
    },
    append: (request) => appender.append(request),
    get refusals() {
      return appender.refusals
    },
    close: () => appender.close(),
  }
}
