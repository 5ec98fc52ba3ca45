import type { Clock } from '../../broker/clock.ts'
import type { GroupRequests } from './group-requests.ts'

/** Kafka's own, for where the gateway may not ask. */
const DEFAULT_SESSION_TIMEOUT_MS = 45_000
const ASKED_AGAIN_AFTER_MS = 60_000
const REMEMBERED_MAX = 10_000

/** `consumer.session.timeout.ms` of groups, which heartbeats do not tell. */
export class SessionTimeouts {
  readonly #requests: GroupRequests
  readonly #clock: Clock
  readonly #known = new Map<string, { readonly timeoutMs: number; readonly since: number }>()

  constructor(requests: GroupRequests, clock: Clock) {
    this.#requests = requests
    this.#clock = clock
  }

  async of(group: string): Promise<number> {
    const now = this.#clock.monotonic()
    const known = this.#known.get(group)
    if (known !== undefined && now - known.since < ASKED_AGAIN_AFTER_MS) return known.timeoutMs
    const said = await this.#requests.setting(group, 'consumer.session.timeout.ms').catch(() => undefined)
    const timeoutMs = said === undefined ? this.known(group) : Number(said)
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear()
    this.#known.set(group, { timeoutMs, since: now })
    return timeoutMs
  }

  /** As it was told last. */
  known(group: string): number {
    return this.#known.get(group)?.timeoutMs ?? DEFAULT_SESSION_TIMEOUT_MS
  }
}
