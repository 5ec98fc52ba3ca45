import { getRequest, HttpConnection, type HttpReply, jsonRequest } from './http-connection.ts'
import type { RecordConsumer } from './long-poll-consumer.ts'
import type { ConsumerInGroup } from './open-loop-load.ts'

const WAIT_MS = 1000
const MAX_RECORDS = 10_000
const MEMBER_ID = 'bench-member'

interface Page {
  readonly records: readonly { readonly value: { readonly order: number } }[]
  readonly cursor: string
}

/** A member that always waits for the next record, and commits what it has got as soon as the last commit is answered. */
export class GroupMemberConsumer implements RecordConsumer {
  readonly #origin: string
  readonly #groupPath: string
  #cursor: string
  #stopped = false

  private constructor(origin: string, groupPath: string, cursor: string) {
    this.#origin = origin
    this.#groupPath = groupPath
    this.#cursor = cursor
  }

  static async join(origin: string, { group, topic }: ConsumerInGroup): Promise<GroupMemberConsumer> {
    const groupPath = `/consumer-groups/${group}`
    const connection = await HttpConnection.open(origin)
    const join = jsonRequest(origin, 'PUT', `${groupPath}/members/${MEMBER_ID}`, { topics: [topic] })
    const { cursor } = answer(await connection.send(join)) as { readonly cursor: string }
    connection.close()
    return new GroupMemberConsumer(origin, groupPath, cursor)
  }

  async run(onRecord: (number: number) => void): Promise<void> {
    const [pages, commits] = await Promise.all([HttpConnection.open(this.#origin), HttpConnection.open(this.#origin)])
    let committing: Promise<void> | undefined
    const commit = async (): Promise<void> => {
      for (let committed = ''; committed !== this.#cursor;) {
        committed = this.#cursor
        answer(
          await commits.send(jsonRequest(this.#origin, 'POST', `${this.#groupPath}/offsets`, { cursor: committed })),
        )
      }
      committing = undefined
    }
    for (;;) {
      const query = `cursor=${this.#cursor}&waitMs=${WAIT_MS}&maxRecords=${MAX_RECORDS}`
      const path = `${this.#groupPath}/members/${MEMBER_ID}/records?${query}`
      const { records, cursor } = answer(await pages.send(getRequest(this.#origin, path))) as Page
      for (const { value } of records) onRecord(value.order)
      this.#cursor = cursor
      if (records.length > 0) committing ??= commit()
      else if (this.#stopped) break
    }
    await committing
    pages.close()
    commits.close()
  }

  stop(): void {
    this.#stopped = true
  }
}

function answer({ status, body }: HttpReply): unknown {
  if (status !== 200 && status !== 201) throw new Error(`the member got ${status}: ${body.toString()}`)
  return JSON.parse(body.toString())
}
