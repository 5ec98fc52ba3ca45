import type { GroupMembership, MemberState } from './group-membership.ts'

/** A fetch that may wait: for records, for news of its member, for a newer fetch that ends it. */
export class MemberFetchCall {
  /** As the newest call of the client on this node shows it. */
  state: MemberState
  readonly #membership: GroupMembership
  readonly #clientSignal: AbortSignal | undefined
  readonly #onClientGone = (): void => this.end()
  #controller = new AbortController()
  #stopListening: (() => void) | undefined
  #letGo: (() => void) | undefined
  #hasNews = false
  #hasEnded = false

  constructor(membership: GroupMembership, state: MemberState, clientSignal?: AbortSignal) {
    this.state = state
    this.#membership = membership
    this.#clientSignal = clientSignal
    if (clientSignal?.aborted === true) this.end()
    else clientSignal?.addEventListener('abort', this.#onClientGone, { once: true })
  }

  /** Ends the present wait; another one after `listen`. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get hasNews(): boolean {
    return this.#hasNews
  }

  /** There is nobody to wait for any more. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** From now on news ends the wait. */
  listen(): void {
    const stopBefore = this.#stopListening
    this.#hasNews = false
    if (this.#controller.signal.aborted && !this.#hasEnded) this.#controller = new AbortController()
    this.#stopListening = this.#membership.onNews(this.state, () => this.wake())
    stopBefore?.()
  }

  holdSession(): void {
    this.#letGo ??= this.#membership.holdSession(this.state.group, this.state.memberId)
  }

  wake(): void {
    this.#hasNews = true
    this.#controller.abort()
  }

  end(): void {
    this.#hasEnded = true
    this.#controller.abort()
  }

  close(): void {
    this.#stopListening?.()
    this.#letGo?.()
    this.#clientSignal?.removeEventListener('abort', this.#onClientGone)
  }
}
