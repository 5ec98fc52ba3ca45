import type { FastifyReply } from 'fastify'
import { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import type { PublishOptions, PublishService } from '../../broker/publish-service.ts'
import type { ReadService } from '../../broker/read-service.ts'
import type { BodyBuffers } from '../body-buffers.ts'
import type { App, Controller } from '../controller.ts'
import type { HttpLoad } from '../http-load.ts'
import { LinesPage } from '../json/render-records.ts'
import { PublishedLines } from '../lines/published-lines.ts'
import { LINES_MEDIA_TYPE } from '../media-types.ts'
import { refuseIdentity } from '../publish-identity.ts'
import { sendBytes } from '../raw-reply.ts'
import { lineComponents } from '../schemas/lines.ts'
import { recordComponents } from '../schemas/records.ts'
import { waitSignal } from '../wait-signal.ts'
import {
  browseLines,
  lineExamples,
  PublishLines,
  publishLinesExamples,
  readPartitionLines,
  type ResultsChoice,
} from './line-operations.ts'
import { formatsOf, limitsOf, type RecordLimits } from './records-controller.ts'

export interface LineLimits extends RecordLimits {
  /** `request.idle.timeout.ms` */
  readonly requestIdleTimeoutMs: number
}

export interface LinesControllerDependencies {
  readonly publish: PublishService
  readonly reads: ReadService
  readonly limits: LineLimits
  readonly load: HttpLoad
  readonly bodyBuffers: BodyBuffers
  readonly clock: Clock
  /** Ends waiting reads, and streams of lines. */
  readonly stopping: AbortSignal
}

/** Publishes and reads records as lines. What a page has beside them stands in headers. */
export class LinesController implements Controller {
  readonly components = [...recordComponents, ...lineComponents]
  readonly #deps: LinesControllerDependencies
  readonly #published: PublishedLines

  constructor(deps: LinesControllerDependencies) {
    this.#deps = deps
    this.#published = new PublishedLines({ ...deps, requestIdleTimeoutMs: deps.limits.requestIdleTimeoutMs })
  }

  routes(app: App): void {
    const { reads, limits, load, stopping } = this.#deps
    const config = { produces: LINES_MEDIA_TYPE, examples: lineExamples }
    const published = { produces: LINES_MEDIA_TYPE, consumes: LINES_MEDIA_TYPE, examples: publishLinesExamples }
    app.post(
      '/topics/:topic/lines',
      { schema: PublishLines, config: { publishes: true, ...published } },
      async ({ params, query, body }, reply) => {
        await this.publish(params.topic, query, body, reply)
        // Else a reply that has begun, but whose head is not written yet, would be taken for none.
        return reply
      },
    )
    app.get('/topics/:topic/lines', { schema: browseLines(limits), config }, async ({ params, query }, reply) => {
      const page = new LinesPage(formatsOf(query), load.replies.hold(reply.raw))
      const signal = waitSignal(reply, stopping, query.waitMs)
      const request = { ...query, topic: params.topic, limits: limitsOf(query) }
      const { cursor, upToDate } = await reads.browse(request, page, signal, true)
      void reply.header('next-cursor', cursor).header('up-to-date', upToDate)
      sendBytes(reply, LINES_MEDIA_TYPE, page.finish())
    })
    app.get(
      '/topics/:topic/partitions/:partition/lines',
      { schema: readPartitionLines(limits), config },
      async ({ params, query }, reply) => {
        const page = new LinesPage(formatsOf(query), load.replies.hold(reply.raw))
        const signal = waitSignal(reply, stopping, query.waitMs)
        const request = { ...params, offset: query.offset, limits: limitsOf(query) }
        const { nextOffset, upToDate } = await reads.readPartition(request, page, signal)
        void reply.header('next-offset', nextOffset).header('up-to-date', upToDate)
        sendBytes(reply, LINES_MEDIA_TYPE, page.finish())
      },
    )
  }

  /** @param body the stream itself, of which nothing was read yet */
  async publish(topic: string, query: LinesQuery, body: unknown, reply: FastifyReply): Promise<void> {
    refuseIdentity(reply.request, 'a stream cannot be repeated as one. Send its records to /topics/{topic}/records.')
    const { raw } = reply.request
    if (body !== raw) throw noBody()
    const { requestMaxBytes: maxLineBytes, recordMaxHeaders: maxHeaders } = this.#deps.limits
    const { acks, compression, results } = query
    const publishOptions = { acks, compression }
    const lines = { topic, formats: formatsOf(query), publishOptions, maxLineBytes, maxHeaders }
    await this.#published.serve(raw, lines, results === 'lines', reply)
  }
}

type LinesQuery = Parameters<typeof formatsOf>[0] &
  Pick<PublishOptions, 'acks' | 'compression'> & { readonly results: ResultsChoice }

function noBody(): BrokerError {
  const detail = `There is no body. Send records, one a line, as ${LINES_MEDIA_TYPE}: {"key":"user-42","value":{"total":12.50}}`
  return new BrokerError('INVALID_REQUEST', detail, { stored: 'no', errors: [{ pointer: '', detail }] })
}
