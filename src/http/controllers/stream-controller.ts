import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../../broker/clock.ts'
import type { TopicStreamService } from '../../broker/topic-stream-service.ts'
import type { App, Controller } from '../controller.ts'
import { logRefusal } from '../error-handler.ts'
import type { HttpLoad } from '../http-load.ts'
import { EVENTS_MEDIA_TYPE } from '../media-types.ts'
import { BrokerError } from '../../broker/broker-error.ts'
import { recordComponents } from '../schemas/records.ts'
import { OpenStreams } from '../sse/open-streams.ts'
import { TopicStreams } from '../sse/topic-streams.ts'
import { formatsOf } from './records-controller.ts'
import { StreamTopic, streamExamples } from './stream-operations.ts'

export interface StreamControllerDependencies {
  readonly topicStreams: TopicStreamService
  readonly load: HttpLoad
  readonly clock: Clock
  /** Ends all streams. */
  readonly stopping: AbortSignal
  readonly logger: FastifyBaseLogger
}

/** Records as server-sent events, from where the client says to whatever comes. */
export class StreamController implements Controller {
  readonly components = recordComponents
  readonly #deps: StreamControllerDependencies
  readonly #open: OpenStreams
  readonly #topics: TopicStreams

  constructor(deps: StreamControllerDependencies) {
    const { topicStreams: streams, clock, load, stopping, logger } = deps
    this.#deps = deps
    this.#topics = new TopicStreams({ streams, clock })
    this.#open = new OpenStreams({
      load,
      stopping,
      onSurprise: (error, { request }) =>
        logRefusal(logger, error, new BrokerError('UNKNOWN_SERVER_ERROR', 'A stream broke.'), request),
    })
  }

  routes(app: App): void {
    const config = { produces: EVENTS_MEDIA_TYPE, examples: streamExamples }
    app.get(
      '/topics/:topic/stream',
      { schema: StreamTopic, config },
      async ({ params: { topic }, query, headers }, reply) => {
        this.#open.refuseIfFull()
        const lastEventId = headers['last-event-id']
        const start = await this.#deps.topicStreams.start({ ...query, topic, lastEventId })
        return this.#open.begin(reply, (stream) => this.#topics.serve(stream, topic, start, formatsOf(query)))
      },
    )
  }
}
