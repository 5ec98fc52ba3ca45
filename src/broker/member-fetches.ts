import type { MemberFetchCall } from './member-fetch-call.ts'

/** The fetches under way on this node, one a member. */
export class MemberFetches {
  readonly #calls = new Map<string, MemberFetchCall>()

  /** A newer fetch ends the one before it. */
  begin(call: MemberFetchCall): void {
    const key = keyOf(call.state)
    this.#calls.get(key)?.end()
    this.#calls.set(key, call)
  }

  end(call: MemberFetchCall): void {
    const key = keyOf(call.state)
    if (this.#calls.get(key) === call) this.#calls.delete(key)
  }

  /** Another call of the member was answered with this epoch: its fetch goes on as of then. */
  follow(group: string, memberId: string, memberEpoch: number): void {
    const call = this.#calls.get(keyOf({ group, memberId }))
    if (call !== undefined && call.state.memberEpoch < memberEpoch) call.state = { ...call.state, memberEpoch }
  }

  /** The member joined again or left: its fetch asks how it stands. */
  wake(group: string, memberId: string): void {
    this.#calls.get(keyOf({ group, memberId }))?.wake()
  }
}

/** Ids hold no spaces. */
function keyOf({ group, memberId }: { readonly group: string; readonly memberId: string }): string {
  return `${group} ${memberId}`
}
