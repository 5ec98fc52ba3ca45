import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { BatchPublishService } from '../../broker/batch-publish-service.ts'
import { BrokerError } from '../../broker/broker-error.ts'
import type { Acks } from '../../broker/append-request.ts'
import type { ReadService } from '../../broker/read-service.ts'
import type { BodyBuffers } from '../body-buffers.ts'
import type { App, Controller } from '../controller.ts'
import type { HttpLoad } from '../http-load.ts'
import { BATCHES_MEDIA_TYPE } from '../media-types.ts'
import { identityOf } from '../publish-identity.ts'
import { batchComponents } from '../schemas/batches.ts'
import { waitSignal } from '../wait-signal.ts'
import { PublishBatches, publishBatchesExamples, readBatches } from './batch-operations.ts'
import type { RecordLimits } from './records-controller.ts'

export interface BatchesControllerDependencies {
  readonly publishBatches: BatchPublishService
  readonly reads: ReadService
  readonly bodyBuffers: BodyBuffers
  readonly limits: RecordLimits
  readonly load: HttpLoad
  /** Ends waiting reads. */
  readonly stopping: AbortSignal
}

/** Publishes and reads record batches in Kafka's own bytes. */
export class BatchesController implements Controller {
  readonly components = batchComponents
  readonly #deps: BatchesControllerDependencies

  constructor(deps: BatchesControllerDependencies) {
    this.#deps = deps
  }

  routes(app: App): void {
    app.post(
      '/topics/:topic/partitions/:partition/batches',
      {
        schema: PublishBatches,
        config: { publishes: true, consumes: BATCHES_MEDIA_TYPE, examples: publishBatchesExamples },
      },
      ({ params, query, body }, reply) => this.publish(params, query.acks, body, reply),
    )
    app.get(
      '/topics/:topic/partitions/:partition/batches',
      { schema: readBatches(this.#deps.limits), config: { produces: BATCHES_MEDIA_TYPE } },
      async ({ params, query }, reply) => {
        const { offset, maxBytes, waitMs } = query
        const held = this.#deps.load.replies.hold(reply.raw)
        const signal = waitSignal(reply, this.#deps.stopping, waitMs)
        const page = await this.#deps.reads.readBatches({ ...params, offset, limits: { maxBytes, waitMs } }, signal)
        if (page.batches.length > 0) held.refuseIfFull()
        held.resize(sizeOf(page.batches))
        // Behind `finish` the kernel has the bytes; a connection that closes before it leaves them to the collector.
        if (page.release !== undefined) reply.raw.on('finish', page.release)
        void reply.header('next-offset', page.nextOffset).header('up-to-date', page.upToDate)
        return sendBatches(reply, page.batches)
      },
    )
  }

  /** The body is given back in the end: the log has copies of its batches. */
  async publish(
    { topic, partition }: { topic: string; partition: number },
    acks: Acks,
    body: unknown,
    reply: FastifyReply,
  ): Promise<void> {
    if (!Buffer.isBuffer(body) || body.length === 0) throw noBody()
    const { requestMaxRecords: maxBatches, recordMaxHeaders: maxHeaders, requestMaxBytes } = this.#deps.limits
    try {
      const published = await this.#deps.publishBatches.publish(topic, partition, body, {
        acks,
        maxBatches,
        maxHeaders,
        maxContentBytes: requestMaxBytes,
        identity: identityOf(reply.request, body),
      })
      if (acks === '0') void reply.code(202).send({ topic, durability: published.durability })
      else void reply.send(published)
    } finally {
      this.#deps.bodyBuffers.giveBack(body)
    }
  }
}

/** The pieces leave as they are, each when the connection has taken the one before: nothing is copied for the reply. */
function sendBatches(reply: FastifyReply, pieces: readonly Buffer[]): FastifyReply {
  void reply.header('content-type', BATCHES_MEDIA_TYPE)
  const [first = noBytes] = pieces
  if (pieces.length < 2) return reply.send(first)
  return reply.header('content-length', sizeOf(pieces)).send(Readable.from(pieces, { objectMode: false }))
}

function sizeOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0)
}

const noBytes = Buffer.alloc(0)

function noBody(): BrokerError {
  const detail = `There is no body. Send Kafka record batches v2, one behind the other, as ${BATCHES_MEDIA_TYPE}.`
  return new BrokerError('INVALID_REQUEST', detail, { stored: 'no', errors: [{ pointer: '', detail }] })
}
