import type { GroupMemberService } from '../../broker/group-member-service.ts'
import type { App, Controller } from '../controller.ts'
import type { HttpLoad } from '../http-load.ts'
import { RecordsPage } from '../json/render-records.ts'
import { sendJson, sendNoContent } from '../raw-reply.ts'
import { memberComponents } from '../schemas/group-members.ts'
import { given } from '../schemas/nullable.ts'
import type { PageSettings } from '../schemas/parameters.ts'
import { waitSignal } from '../wait-signal.ts'
import {
  fetchForMember,
  heartbeatExamples,
  joinExamples,
  JoinGroup,
  LeaveGroup,
  memberFetchExamples,
  SendHeartbeat,
} from './group-member-operations.ts'
import { formatsOf, limitsOf } from './records-controller.ts'

/** What is shown of a client's own name. */
const CLIENT_ID_MAX_LENGTH = 128

export interface GroupMembersControllerDependencies {
  readonly groupMembers: GroupMemberService
  readonly limits: PageSettings
  readonly load: HttpLoad
  /** Ends waiting reads. */
  readonly stopping: AbortSignal
}

/** Members of consumer groups: they join, fetch, and stay or leave. They commit as groups do. */
export class GroupMembersController implements Controller {
  readonly components = memberComponents
  readonly #deps: GroupMembersControllerDependencies

  constructor(deps: GroupMembersControllerDependencies) {
    this.#deps = deps
  }

  routes(app: App): void {
    const { groupMembers: members } = this.#deps
    app.put(
      '/consumer-groups/:group/members/:memberId',
      { schema: JoinGroup, config: { examples: joinExamples } },
      async ({ params, body, headers, ip }, reply) => {
        const { created, ...joined } = await members.join({
          ...params,
          topics: body.topics,
          instanceId: given(body.instanceId),
          assignor: given(body.assignor),
          maxPollIntervalMs: given(body.maxPollIntervalMs),
          autoOffsetReset: given(body.autoOffsetReset),
          allowAutoCreateTopics: given(body.allowAutoCreateTopics),
          clientId: headers['user-agent']?.slice(0, CLIENT_ID_MAX_LENGTH),
          clientHost: ip,
        })
        return reply.code(created ? 201 : 200).send(joined)
      },
    )
    app.delete(
      '/consumer-groups/:group/members/:memberId',
      { schema: LeaveGroup },
      async ({ params, query }, reply) => {
        await members.leave({ ...params, permanent: query.permanent })
        sendNoContent(reply)
      },
    )
    app.post(
      '/consumer-groups/:group/members/:memberId/heartbeat',
      { schema: SendHeartbeat, config: { examples: heartbeatExamples } },
      ({ params, body }) => members.heartbeat({ ...params, cursor: body.cursor, released: given(body.released) }),
    )
    this.#fetchRoute(app)
  }

  #fetchRoute(app: App): void {
    const { groupMembers, limits, load, stopping } = this.#deps
    app.get(
      '/consumer-groups/:group/members/:memberId/records',
      { schema: fetchForMember(limits), config: { examples: memberFetchExamples } },
      async ({ params, query }, reply) => {
        const page = new RecordsPage(formatsOf(query), load.replies.hold(reply.raw))
        const signal = waitSignal(reply, stopping, query.waitMs)
        const request = { ...params, cursor: query.cursor, limits: limitsOf(query) }
        sendJson(reply, page.finish({ ...(await groupMembers.fetch(request, page, signal)) }))
      },
    )
  }
}
