import { getRequest, HttpConnection } from './http-connection.ts'

const WAIT_MS = 1000
const MAX_RECORDS = 10_000

interface Page {
  readonly records: readonly { readonly value: { readonly order: number } }[]
  readonly nextOffset: number
}

export interface RecordConsumer {
  /** Gives each record's number to the callback as soon as it is there; ends after `stop`, once nothing comes for 1 s. */
  run(onRecord: (number: number) => void): Promise<void>
  stop(): void
}

/** Reads a partition from an offset on, always waiting for the next record, on a connection of its own. */
export class LongPollConsumer implements RecordConsumer {
  readonly #origin: string
  readonly #partitionPath: string
  #nextOffset = 0
  #stopped = false

  constructor(origin: string, partitionPath: string) {
    this.#origin = origin
    this.#partitionPath = partitionPath
  }

  get nextOffset(): number {
    return this.#nextOffset
  }

  async run(onRecord: (number: number) => void): Promise<void> {
    const connection = await HttpConnection.open(this.#origin)
    for (;;) {
      const query = `offset=${this.#nextOffset}&waitMs=${WAIT_MS}&maxRecords=${MAX_RECORDS}`
      const { status, body } = await connection.send(
        getRequest(this.#origin, `${this.#partitionPath}/records?${query}`),
      )
      if (status !== 200) throw new Error(`the consumer got ${status}: ${body.toString()}`)
      const { records, nextOffset } = JSON.parse(body.toString()) as Page
      for (const { value } of records) onRecord(value.order)
      this.#nextOffset = nextOffset
      if (records.length === 0 && this.#stopped) break
    }
    connection.close()
  }

  stop(): void {
    this.#stopped = true
  }
}
