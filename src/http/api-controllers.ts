import type { BatchPublishService } from '../broker/batch-publish-service.ts'
import type { ClusterService } from '../broker/cluster-service.ts'
import type { GroupFetchService } from '../broker/group-fetch-service.ts'
import type { GroupMemberService } from '../broker/group-member-service.ts'
import type { GroupService } from '../broker/group-service.ts'
import type { OffsetService } from '../broker/offset-service.ts'
import type { ProducerService } from '../broker/producer-service.ts'
import type { PublishService } from '../broker/publish-service.ts'
import type { Clock } from '../broker/clock.ts'
import type { RecordDeletionService } from '../broker/record-deletion-service.ts'
import type { ReadService } from '../broker/read-service.ts'
import type { MemberStreamService } from '../broker/member-stream-service.ts'
import type { TopicStreamService } from '../broker/topic-stream-service.ts'
import type { TopicService } from '../broker/topic-service.ts'
import type { BodyBuffers } from './body-buffers.ts'
import type { Controller } from './controller.ts'
import type { HttpLoad } from './http-load.ts'
import { BatchesController } from './controllers/batches-controller.ts'
import { ClusterController } from './controllers/cluster-controller.ts'
import { ConsumerGroupsController } from './controllers/consumer-groups-controller.ts'
import { GroupMembersController } from './controllers/group-members-controller.ts'
import { HealthController, type MetricsSource } from './controllers/health-controller.ts'
import { LinesController, type LineLimits } from './controllers/lines-controller.ts'
import { PartitionsController } from './controllers/partitions-controller.ts'
import { ProducersController } from './controllers/producers-controller.ts'
import { RawController } from './controllers/raw-controller.ts'
import { RecordsController } from './controllers/records-controller.ts'
import { RecordDeletionController } from './controllers/record-deletion-controller.ts'
import { StreamController } from './controllers/stream-controller.ts'
import { TopicsController } from './controllers/topics-controller.ts'

/** What stands behind the API. */
export interface ApiServices {
  readonly topics: TopicService
  readonly offsets: OffsetService
  readonly publish: PublishService
  readonly publishBatches: BatchPublishService
  readonly producers: ProducerService
  readonly reads: ReadService
  readonly recordDeletion: RecordDeletionService
  readonly topicStreams: TopicStreamService
  readonly memberStreams: MemberStreamService
  readonly groups: GroupService
  readonly groupMembers: GroupMemberService
  readonly groupFetch: GroupFetchService
  readonly cluster: ClusterService
  readonly metrics: MetricsSource
  readonly bodyBuffers: BodyBuffers
  readonly load: HttpLoad
  readonly limits: LineLimits
  readonly clock: Clock
  /** Ends waiting reads. */
  readonly stopping: AbortSignal
}

/** All resources of the API: what the server serves, and what the OpenAPI document describes. */
export function apiControllers(services: ApiServices): Controller[] {
  const { topics, offsets, producers, cluster, metrics } = services
  return [
    new TopicsController(topics),
    new PartitionsController(topics, offsets),
    new RecordsController(services),
    new RecordDeletionController(services.recordDeletion),
    new LinesController(services),
    new RawController(services),
    new BatchesController(services),
    new ProducersController(producers),
    new StreamController(services),
    new ConsumerGroupsController(services),
    new GroupMembersController(services),
    new ClusterController(cluster),
    new HealthController(cluster, metrics),
  ]
}
