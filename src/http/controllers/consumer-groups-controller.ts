import type { OffsetCommit } from '../../broker/group-coordinator.ts'
import type { GroupFetchService } from '../../broker/group-fetch-service.ts'
import type { GroupService } from '../../broker/group-service.ts'
import type { App, Controller } from '../controller.ts'
import type { HttpLoad } from '../http-load.ts'
import { RecordsPage } from '../json/render-records.ts'
import { sendJson, sendNoContent } from '../raw-reply.ts'
import { groupComponents, type OffsetToCommit } from '../schemas/consumer-groups.ts'
import { given } from '../schemas/nullable.ts'
import type { PageSettings } from '../schemas/parameters.ts'
import { waitSignal } from '../wait-signal.ts'
import {
  CommitOffsets,
  commitExamples,
  DeleteGroup,
  fetchExamples,
  fetchRecords,
  ForgetOffsets,
  GetGroup,
  getGroupExamples,
  ListGroupOffsets,
  ListGroups,
  listGroupsExamples,
  listOffsetsExamples,
  ResetOffsets,
  resetExamples,
} from './group-operations.ts'
import { formatsOf, limitsOf } from './records-controller.ts'

export interface ConsumerGroupsControllerDependencies {
  readonly groups: GroupService
  readonly groupFetch: GroupFetchService
  readonly limits: PageSettings
  readonly load: HttpLoad
  /** Ends waiting reads. */
  readonly stopping: AbortSignal
}

/** Consumer groups: they commit, and are told how far behind they are; those without members read here, too. */
export class ConsumerGroupsController implements Controller {
  readonly components = groupComponents
  readonly #deps: ConsumerGroupsControllerDependencies

  constructor(deps: ConsumerGroupsControllerDependencies) {
    this.#deps = deps
  }

  routes(app: App): void {
    const { groups, limits: pages } = this.#deps
    app.get('/consumer-groups', { schema: ListGroups, config: { examples: listGroupsExamples } }, ({ query }) =>
      groups.list(query),
    )
    app.get('/consumer-groups/:group', { schema: GetGroup, config: { examples: getGroupExamples } }, ({ params }) =>
      groups.describe(params.group),
    )
    app.delete('/consumer-groups/:group', { schema: DeleteGroup }, async ({ params }, reply) => {
      await groups.delete(params.group)
      sendNoContent(reply)
    })
    app.get(
      '/consumer-groups/:group/topics/:topic/records',
      { schema: fetchRecords(pages), config: { examples: fetchExamples } },
      async ({ params, query }, reply) => {
        const page = new RecordsPage(formatsOf(query), this.#deps.load.replies.hold(reply.raw))
        const signal = waitSignal(reply, this.#deps.stopping, query.waitMs)
        const request = { ...query, ...params, limits: limitsOf(query) }
        sendJson(reply, page.finish({ ...(await this.#deps.groupFetch.fetch(request, page, signal)) }))
      },
    )
    this.#offsetRoutes(app)
  }

  #offsetRoutes(app: App): void {
    const { groups } = this.#deps
    app.get(
      '/consumer-groups/:group/offsets',
      { schema: ListGroupOffsets, config: { examples: listOffsetsExamples } },
      ({ params, query }) => groups.offsets(params.group, query),
    )
    app.post(
      '/consumer-groups/:group/offsets',
      { schema: CommitOffsets, config: { examples: commitExamples } },
      async ({ params, body }) => {
        const request = { cursor: given(body.cursor), offsets: commitsOf(body.offsets) }
        return { items: await groups.commit(params.group, request) }
      },
    )
    app.put(
      '/consumer-groups/:group/offsets',
      { schema: ResetOffsets, config: { examples: resetExamples } },
      async ({ params, query, body }) => {
        const request = { topics: given(body.topics), to: given(body.to), offsets: commitsOf(body.offsets) }
        return { items: await groups.reset(params.group, request, query.dryRun) }
      },
    )
    app.delete('/consumer-groups/:group/offsets', { schema: ForgetOffsets }, async ({ params, query }, reply) => {
      await groups.forget(params.group, query.topic)
      sendNoContent(reply)
    })
  }
}

function commitsOf(offsets: readonly OffsetToCommit[] | null | undefined): OffsetCommit[] | undefined {
  return given(offsets)?.map(({ metadata, ...offset }) => ({ ...offset, ...(metadata != null && { metadata }) }))
}
