import type { ReadService } from '../../broker/read-service.ts'
import type { App, Controller } from '../controller.ts'
import type { HttpLoad } from '../http-load.ts'
import { LinesPage } from '../json/render-records.ts'
import { LINES_MEDIA_TYPE } from '../media-types.ts'
import { sendBytes } from '../raw-reply.ts'
import { recordComponents } from '../schemas/records.ts'
import { waitSignal } from '../wait-signal.ts'
import { browseLines, lineExamples, readPartitionLines } from './line-operations.ts'
import { formatsOf, limitsOf, type RecordLimits } from './records-controller.ts'

export interface LinesControllerDependencies {
  readonly reads: ReadService
  readonly limits: RecordLimits
  readonly load: HttpLoad
  /** Ends waiting reads. */
  readonly stopping: AbortSignal
}

/** Reads records as lines. What a page has beside them stands in headers. */
export class LinesController implements Controller {
  readonly components = recordComponents
  readonly #deps: LinesControllerDependencies

  constructor(deps: LinesControllerDependencies) {
    this.#deps = deps
  }

  routes(app: App): void {
    const { reads, limits, load, stopping } = this.#deps
    const config = { produces: LINES_MEDIA_TYPE, examples: lineExamples }
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
}
