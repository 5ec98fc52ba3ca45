import { setTimeout as sleep } from 'node:timers/promises'
import { api, type Answer } from '../../keeping/api.ts'

const REST_MS = 20
const PLACE = { topic: 'tasks', partition: 0 }

/** A script that commits offset after offset for a group. */
export class FullDiskCommitter {
  readonly group: string
  readonly findings: string[] = []
  committed = 0
  refused = 0
  /** On a disk without a free byte there is no room for commits either. */
  mayBeRefused = false
  readonly #url: () => string

  constructor(group: string, url: () => string) {
    this.group = group
    this.#url = url
  }

  async run(until: AbortSignal): Promise<void> {
    for (let next = 1; !until.aborted; await sleep(REST_MS)) {
      const answer = await this.#commit(next).catch(() => undefined)
      if (answer === undefined) continue
      if (answer.status === 200) this.committed = next++
      else this.#refused(answer)
    }
  }

  /** @returns where the group stands; fails a finding if that is before what was acknowledged */
  async check(): Promise<void> {
    const before = this.committed
    const { status, text, body } = await api(this.#url(), 'GET', `/consumer-groups/${this.group}/offsets`)
    const stands = status === 200 ? Number(body.items[0]?.nextOffset) : -1
    if (!(stands >= before)) this.findings.push(`${this.group} stands at ${stands}, behind ${before}: ${text}`)
  }

  #commit(nextOffset: number): Promise<Answer> {
    return api(this.#url(), 'POST', `/consumer-groups/${this.group}/offsets`, { offsets: [{ ...PLACE, nextOffset }] })
  }

  #refused({ status, text, body, headers }: Answer): void {
    this.refused++
    // A coordinator that has just started reads committed offsets back first.
    if (body.code === 'COORDINATOR_LOAD_IN_PROGRESS' || body.code === 'SERVER_STOPPING') return
    if (this.mayBeRefused && status === 503 && body.stored === 'no' && Number(headers.get('retry-after')) > 0) return
    this.findings.push(`a commit of ${this.group} was answered with ${status} ${text.slice(0, 300)}`)
  }
}
