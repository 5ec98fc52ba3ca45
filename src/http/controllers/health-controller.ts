import type { ClusterService } from '../../broker/cluster-service.ts'
import type { App, Controller } from '../controller.ts'
import { healthComponents, LivenessSchema, ReadinessSchema } from '../schemas/cluster.ts'
import { ref } from '../schemas/component.ts'
import { problemReplies } from '../schemas/problem.ts'
import { Type } from '../schemas/type.ts'

/** The text of `/metrics`, in a form of Prometheus. */
export type MetricsSource = () => Promise<{ readonly contentType: string; readonly body: string }>

const tags = ['Health']
const security: [] = []

const GetLiveness = {
  operationId: 'getLiveness',
  summary: 'Tell whether the process answers',
  tags,
  security,
  response: { 200: ref(LivenessSchema), ...problemReplies },
}

const GetReadiness = {
  operationId: 'getReadiness',
  summary: 'Tell whether the server should get traffic',
  description: '503 with `troubles` while it should not.',
  tags,
  security,
  response: { 200: ref(ReadinessSchema), ...problemReplies },
}

const GetMetrics = {
  operationId: 'getMetrics',
  summary: 'Metrics for Prometheus',
  tags,
  security,
  response: {
    200: {
      description: 'The text format of Prometheus.',
      content: { 'text/plain': { schema: Type.String() } },
    },
    ...problemReplies,
  },
}

export class HealthController implements Controller {
  readonly components = healthComponents
  readonly #cluster: ClusterService
  readonly #metrics: MetricsSource

  constructor(cluster: ClusterService, metrics: MetricsSource) {
    this.#cluster = cluster
    this.#metrics = metrics
  }

  routes(app: App): void {
    app.get(
      '/health/live',
      { schema: GetLiveness, config: { examples: { replies: { 200: { status: 'live' } } } } },
      () => ({ status: 'live' }),
    )
    app.get(
      '/health/ready',
      { schema: GetReadiness, config: { examples: { replies: { 200: { status: 'ready', troubles: [] } } } } },
      () => {
        const troubles = this.#cluster.readiness()
        return { status: troubles.length === 0 ? 'ready' : 'degraded', troubles }
      },
    )
    const exampleMetrics = '# TYPE posthorn_rounds_total counter\nposthorn_rounds_total 42\n'
    app.get(
      '/metrics',
      { schema: GetMetrics, config: { produces: 'text/plain', examples: { replies: { 200: exampleMetrics } } } },
      async (_request, reply) => {
        const { contentType, body } = await this.#metrics()
        return reply.header('content-type', contentType).send(body)
      },
    )
  }
}
