import type { ClusterService } from '../../broker/cluster-service.ts'
import type { App, Controller } from '../controller.ts'
import { clusterComponents, ClusterSchema, LogDirListSchema } from '../schemas/cluster.ts'
import { ref } from '../schemas/component.ts'
import { listQuery } from '../schemas/parameters.ts'
import { problemReplies } from '../schemas/problem.ts'
import { Type } from '../schemas/type.ts'

const tags = ['Cluster']

const GetCluster = {
  operationId: 'getCluster',
  summary: 'Describe the cluster',
  tags,
  response: { 200: ref(ClusterSchema), ...problemReplies },
}

const ListLogDirs = {
  operationId: 'listLogDirs',
  summary: 'List the log directories',
  tags,
  querystring: Type.Object(listQuery, { additionalProperties: false }),
  response: { 200: ref(LogDirListSchema), ...problemReplies },
}

const exampleCluster = {
  clusterId: 'bWFpbi1jbHVzdGVyLWlkMQ',
  controllerId: 1,
  engine: 'embedded',
  nodes: [{ id: 1, host: '127.0.0.1', port: 8082 }],
}
const exampleLogDirs = {
  items: [
    {
      path: '/data',
      state: 'online',
      totalBytes: 100_000_000_000,
      freeBytes: 60_000_000_000,
      partitionCount: 6,
      sizeBytes: 5_000_000_000,
      scrub: {
        state: 'reading',
        scrubbedBytes: 7_200_000_000,
        passBytes: 2_200_000_000,
        passTotalBytes: 5_000_000_000,
        lastFullPassAt: 1_764_000_000_000,
        findings: 0,
      },
    },
  ],
  nextCursor: null,
}

export class ClusterController implements Controller {
  readonly components = clusterComponents
  readonly #cluster: ClusterService

  constructor(cluster: ClusterService) {
    this.#cluster = cluster
  }

  routes(app: App): void {
    app.get('/cluster', { schema: GetCluster, config: { examples: { replies: { 200: exampleCluster } } } }, () =>
      this.#cluster.describe(),
    )
    app.get(
      '/log-dirs',
      { schema: ListLogDirs, config: { examples: { replies: { 200: exampleLogDirs } } } },
      ({ query }) => this.#cluster.logDirs(query),
    )
  }
}
