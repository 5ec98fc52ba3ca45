import type { FastifyReply, FastifyRequest } from 'fastify'
import { BrokerError } from '../../broker/broker-error.ts'
import type { PageLimits } from '../../broker/page-reader.ts'
import type { PublishResult } from '../../broker/publish-result.ts'
import type { PublishOptions, PublishService } from '../../broker/publish-service.ts'
import type { ReadService } from '../../broker/read-service.ts'
import type { BodyBuffers } from '../body-buffers.ts'
import type { App, Controller } from '../controller.ts'
import type { HttpLoad } from '../http-load.ts'
import { ColumnsPool } from '../columns-pool.ts'
import { noneMatches } from '../entity-tag.ts'
import { parsePublishBody } from '../json/parse-publish-body.ts'
import type { PublishBodyOptions } from '../json/publish-body-options.ts'
import {
  PUBLISHED_AS_TEXT_MAX,
  publishReplyMaxBytes,
  renderPublishReply,
  writePublishReply,
} from '../json/publish-reply.ts'
import type { RecordFormat, RecordFormats } from '../json/record-format.ts'
import { RecordsPage, renderRecord } from '../json/render-records.ts'
import { renderPartialPublish } from '../partial-publish.ts'
import { PROBLEM_MEDIA_TYPE, retryAfterSeconds } from '../problem.ts'
import { identityOf } from '../publish-identity.ts'
import { sendAscii, sendJson } from '../raw-reply.ts'
import { ReplyBuffers } from '../reply-buffers.ts'
import type { PageSettings } from '../schemas/parameters.ts'
import { recordComponents } from '../schemas/records.ts'
import { waitSignal } from '../wait-signal.ts'
import { browseExamples, browseRecords, GetRecord, getExamples } from './record-operations.ts'
import { PublishRecords, publishExamples, readPartition, partitionExamples } from './record-operations.ts'

const noBytes = Buffer.alloc(0)

export interface RecordLimits extends PageSettings {
  /** `request.max.bytes` */
  readonly requestMaxBytes: number
  /** `request.max.records` */
  readonly requestMaxRecords: number
  /** `record.max.headers` */
  readonly recordMaxHeaders: number
}

export interface RecordsControllerDependencies {
  readonly publish: PublishService
  readonly reads: ReadService
  readonly limits: RecordLimits
  readonly load: HttpLoad
  /** Ends waiting reads. */
  readonly stopping: AbortSignal
  readonly bodyBuffers: BodyBuffers
}

/** Publishes and reads records. Bodies and pages are bytes on both ways: no object is made of a record. */
export class RecordsController implements Controller {
  readonly components = recordComponents
  readonly #deps: RecordsControllerDependencies
  readonly #columns = new ColumnsPool()
  readonly #replies = new ReplyBuffers()

  constructor(deps: RecordsControllerDependencies) {
    this.#deps = deps
  }

  routes(app: App): void {
    const { limits } = this.#deps
    app.post(
      '/topics/:topic/records',
      { schema: PublishRecords, config: { publishes: true, examples: publishExamples } },
      ({ params, query, body, id }, reply) => this.publish(params.topic, query, body, id, reply),
    )
    app.get(
      '/topics/:topic/records',
      { schema: browseRecords(limits), config: { examples: browseExamples } },
      async ({ params, query }, reply) => {
        const page = new RecordsPage(formatsOf(query), this.#deps.load.replies.hold(reply.raw))
        const signal = waitSignal(reply, this.#deps.stopping, query.waitMs)
        const request = { ...query, topic: params.topic, limits: limitsOf(query) }
        sendJson(reply, page.finish({ ...(await this.#deps.reads.browse(request, page, signal)) }))
      },
    )
    app.get(
      '/topics/:topic/partitions/:partition/records',
      { schema: readPartition(limits), config: { examples: partitionExamples } },
      async ({ params, query }, reply) => {
        const page = new RecordsPage(formatsOf(query), this.#deps.load.replies.hold(reply.raw))
        const signal = waitSignal(reply, this.#deps.stopping, query.waitMs)
        const request = { ...params, offset: query.offset, limits: limitsOf(query) }
        return sendJson(reply, page.finish({ ...(await this.#deps.reads.readPartition(request, page, signal)) }))
      },
    )
    app.get(
      '/topics/:topic/partitions/:partition/records/:offset',
      { schema: GetRecord, config: { examples: getExamples } },
      (request, reply) => this.record(request.params, formatsOf(request.query), request, reply),
    )
  }

  /** The body is given back in the end: batches hold copies of its records, replies do not show it. */
  async publish(
    topic: string,
    query: FormatQuery & Pick<PublishOptions, 'acks' | 'compression'>,
    body: unknown,
    requestId: string,
    reply: FastifyReply,
  ): Promise<void> {
    if (!Buffer.isBuffer(body)) throw noBody()
    try {
      // The body is decoded in place while it is parsed.
      const identity = identityOf(reply.request, body)
      const columns = parsePublishBody(body, this.#bodyOptions(query), this.#columns.take(body))
      this.#deps.load.bodies.made(reply.request, columns.memoryBytes)
      const { acks, compression } = query
      const result = await this.#deps.publish.publish(topic, columns, { acks, compression, identity })
      if (result.worst !== undefined) this.#sendPartial(result, result.worst, requestId, reply)
      else if (acks === '0') void reply.code(202).send({ topic, durability: result.durability })
      else this.#sendPublished(result, reply)
      this.#columns.giveBack(columns)
    } finally {
      this.#deps.bodyBuffers.giveBack(body)
    }
  }

  #bodyOptions(query: FormatQuery): PublishBodyOptions {
    const { keyFormat, valueFormat } = formatsOf(query)
    const { requestMaxRecords, recordMaxHeaders } = this.#deps.limits
    return { keyFormat, valueFormat, maxRecords: requestMaxRecords, maxHeaders: recordMaxHeaders }
  }

  #sendPublished(result: PublishResult, reply: FastifyReply): void {
    const { count } = result.columns
    if (count <= PUBLISHED_AS_TEXT_MAX) return sendAscii(reply, renderPublishReply(result))
    const buffer = this.#replies.take(publishReplyMaxBytes(count))
    this.#replies.sendJson(reply, buffer, writePublishReply(result, buffer.bytes, buffer.view))
  }

  #sendPartial(result: PublishResult, worst: BrokerError, requestId: string, reply: FastifyReply): void {
    this.#deps.load.refusals.refused(worst, worst, reply.request)
    const retryAfter = retryAfterSeconds(worst)
    if (retryAfter !== undefined) void reply.header('retry-after', retryAfter)
    const problem = renderPartialPublish(worst, result, requestId)
    void reply.code(worst.status).header('content-type', PROBLEM_MEDIA_TYPE).send(problem)
  }

  /** A stored record never changes, but may go: a cache has to ask each time, and is answered 304 while it is there. */
  async record(
    address: { topic: string; partition: number; offset: number },
    formats: RecordFormats,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const { topic, partition, offset } = address
    let bytes: Buffer = noBytes
    const topicId = await this.#deps.reads.readRecord(topic, partition, offset, {
      records: (name, number, columns) => {
        bytes = renderRecord(name, number, columns, 0, formats)
      },
    })
    const tag = `"${topicId}-${partition}-${offset}-${formats.keyFormat}-${formats.valueFormat}"`
    void reply.header('etag', tag).header('cache-control', 'no-cache')
    if (noneMatches(request.headers['if-none-match'], tag)) void reply.code(304).send()
    else sendJson(reply, bytes)
  }
}

interface FormatQuery {
  readonly format: RecordFormat
  readonly keyFormat?: RecordFormat
  readonly valueFormat?: RecordFormat
}

export function formatsOf({ format, keyFormat, valueFormat }: FormatQuery): RecordFormats {
  return { keyFormat: keyFormat ?? format, valueFormat: valueFormat ?? format }
}

export function limitsOf({ maxRecords, maxBytes, waitMs }: Omit<PageLimits, 'until'>): PageLimits {
  return { maxRecords, maxBytes, waitMs }
}

function noBody(): BrokerError {
  const detail = 'There is no body. Send {"records":[{"key":"user-42","value":{"total":12.50}}]} as application/json.'
  return new BrokerError('INVALID_REQUEST', detail, { stored: 'no', errors: [{ pointer: '', detail }] })
}
