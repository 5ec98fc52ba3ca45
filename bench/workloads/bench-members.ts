import { deleteRequest, getRequest, HttpConnection, jsonRequest } from '../open-loop/http-connection.ts'

interface MemberReply {
  readonly cursor: string
  readonly assignment: readonly { readonly partitions: readonly number[] }[]
  readonly revoking?: readonly object[]
}

/** A member on a connection of its own that follows its assignment, and does nothing else. */
export class BenchMember {
  readonly #origin: string
  readonly #groupPath: string
  readonly #memberPath: string
  readonly #connection: HttpConnection
  #cursor = ''
  #owned = 0
  #ended = false

  private constructor(origin: string, group: string, memberId: string, connection: HttpConnection) {
    this.#origin = origin
    this.#groupPath = `/consumer-groups/${group}`
    this.#memberPath = `${this.#groupPath}/members/${memberId}`
    this.#connection = connection
  }

  static async open(origin: string, group: string, memberId: string): Promise<BenchMember> {
    return new BenchMember(origin, group, memberId, await HttpConnection.open(origin))
  }

  /** Partitions that it may read. */
  get owned(): number {
    return this.#owned
  }

  async join(topic: string): Promise<void> {
    this.#take(await this.#send(jsonRequest(this.#origin, 'PUT', this.#memberPath, { topics: [topic] })))
  }

  async poll(waitMs: number): Promise<void> {
    const path = `${this.#memberPath}/records?cursor=${this.#cursor}&waitMs=${waitMs}`
    const { revoking = [] } = this.#take(await this.#send(getRequest(this.#origin, path)))
    if (revoking.length === 0) return
    await this.#send(jsonRequest(this.#origin, 'POST', `${this.#groupPath}/offsets`, { cursor: this.#cursor }))
  }

  /** Until it is closed: it always waits. */
  async follow(): Promise<void> {
    while (!this.#ended) await this.poll(30_000)
  }

  async leave(): Promise<void> {
    await this.#send(deleteRequest(this.#origin, this.#memberPath))
    this.close()
  }

  close(): void {
    this.#ended = true
    this.#connection.close()
  }

  async #send(request: Buffer): Promise<unknown> {
    const { status, body } = await this.#connection.send(request)
    if (status === 204) return undefined
    if (status !== 200 && status !== 201) throw new Error(`a member got ${status}: ${body.toString()}`)
    return JSON.parse(body.toString())
  }

  #take(body: unknown): MemberReply {
    const reply = body as MemberReply
    this.#cursor = reply.cursor
    this.#owned = reply.assignment.reduce((sum, { partitions }) => sum + partitions.length, 0)
    return reply
  }
}
