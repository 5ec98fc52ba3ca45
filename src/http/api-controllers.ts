import type { ClusterService } from '../broker/cluster-service.ts'
import type { OffsetService } from '../broker/offset-service.ts'
import type { PublishService } from '../broker/publish-service.ts'
import type { ReadService } from '../broker/read-service.ts'
import type { TopicService } from '../broker/topic-service.ts'
import type { Controller } from './controller.ts'
import { ClusterController } from './controllers/cluster-controller.ts'
import { HealthController, type MetricsSource } from './controllers/health-controller.ts'
import { PartitionsController } from './controllers/partitions-controller.ts'
import { RecordsController, type RecordLimits } from './controllers/records-controller.ts'
import { TopicsController } from './controllers/topics-controller.ts'

export interface ApiServices {
  readonly topics: TopicService
  readonly offsets: OffsetService
  readonly publish: PublishService
  readonly reads: ReadService
  readonly cluster: ClusterService
  readonly metrics: MetricsSource
  readonly limits: RecordLimits
  readonly stopping: AbortSignal
}

/** All resources of the API: what the server serves, and what the OpenAPI document describes. */
export function apiControllers(services: ApiServices): Controller[] {
  return [
    new TopicsController(services.topics),
    new PartitionsController(services.topics, services.offsets),
    new RecordsController(services),
    new ClusterController(services.cluster),
    new HealthController(services.cluster, services.metrics),
  ]
}
