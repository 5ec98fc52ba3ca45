import { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import type { MemberStreamService } from '../../broker/member-stream-service.ts'
import type { TopicStreamService } from '../../broker/topic-stream-service.ts'
import type { App, Controller } from '../controller.ts'
import type { HttpLoad } from '../http-load.ts'
import { EVENTS_MEDIA_TYPE } from '../media-types.ts'
import { recordComponents } from '../schemas/records.ts'
import { MemberEvents } from '../sse/member-events.ts'
import { OpenStreams } from '../sse/open-streams.ts'
import { TopicStreams } from '../sse/topic-streams.ts'
import { formatsOf } from './records-controller.ts'
import { StreamMember, StreamTopic, streamExamples } from './stream-operations.ts'

export interface StreamControllerDependencies {
  readonly topicStreams: TopicStreamService
  readonly memberStreams: MemberStreamService
  readonly load: HttpLoad
  readonly clock: Clock
  /** Ends all streams. */
  readonly stopping: AbortSignal
}

/** Records as server-sent events, from where the client says to whatever comes. */
export class StreamController implements Controller {
  readonly components = recordComponents
  readonly #deps: StreamControllerDependencies
  readonly #open: OpenStreams
  readonly #topics: TopicStreams

  constructor(deps: StreamControllerDependencies) {
    const { topicStreams: streams, clock, load, stopping } = deps
    this.#deps = deps
    this.#topics = new TopicStreams({ streams, clock })
    this.#open = new OpenStreams({
      load,
      clock,
      stopping,
      onSurprise: (error, { request }) =>
        load.refusals.refused(error, new BrokerError('UNKNOWN_SERVER_ERROR', 'A stream broke.'), request),
    })
  }

  routes(app: App): void {
    const config = { produces: EVENTS_MEDIA_TYPE, examples: streamExamples }
    app.get(
      '/topics/:topic/stream',
      { schema: StreamTopic, config },
      async ({ params: { topic }, query, headers }, reply) => {
        this.#open.refuseIfFull()
        const lastEventId = lastEventIdOf(headers)
        const start = await this.#deps.topicStreams.start({ ...query, topic, lastEventId })
        return this.#open.begin(reply, (stream) => this.#topics.serve(stream, topic, start, formatsOf(query)))
      },
    )
    app.get(
      '/consumer-groups/:group/members/:memberId/stream',
      { schema: StreamMember, config },
      async ({ params, query, headers }, reply) => {
        const { clock, memberStreams } = this.#deps
        this.#open.refuseIfFull()
        const lastEventId = lastEventIdOf(headers)
        const cursor = lastEventId ?? query.cursor
        if (cursor === undefined) throw noCursor()
        const member = memberStreams.open(
          { ...params, cursor },
          lastEventId === undefined ? '?cursor' : 'Last-Event-ID',
        )
        const events = new MemberEvents(member, formatsOf(query), clock)
        const first = await events.first()
        return this.#open.begin(reply, (stream) => events.serve(stream, cursor, first))
      },
    )
  }
}

/** Some clients send an empty one before they have got any. */
function lastEventIdOf({ 'last-event-id': id }: { 'last-event-id'?: string }): string | undefined {
  return id === '' ? undefined : id
}

function noCursor(): BrokerError {
  const detail = 'The parameter "cursor" is required and missing: give the newest cursor of any reply to this member.'
  return new BrokerError('INVALID_REQUEST', detail, { errors: [{ pointer: '?cursor', detail }] })
}
