import { BATCHES_TYPE, batchesBody } from '../bodies.ts'
import { GIB } from '../measure/free-space.ts'
import type { MeasuredServer } from '../measure/servers.ts'
import type { PartContext } from '../part.ts'

const BATCHES_PER_REQUEST = 10
const CONCURRENCY = 8

/** Fills the partitions of the topic `bench` to this size in the fastest way there is, ready-made batches. */
export async function fillLog(server: MeasuredServer, logGib: number, partitions: number, context: PartContext) {
  const body = batchesBody(BATCHES_PER_REQUEST)
  const total = Math.ceil((logGib * GIB) / body.length)
  const step = Math.ceil(Math.max(total / 10, GIB / 2 / body.length))
  await post({ origin: server.url, body, contentType: BATCHES_TYPE, count: total }, (request) => {
    if (request % step === 0) {
      context.progress(`filling the log: ${((request / total) * logGib).toFixed(2)} of ${logGib.toFixed(2)} GiB`)
    }
    return `/topics/bench/partitions/${request % partitions}/batches`
  })
}

export interface Posts {
  readonly origin: string
  readonly body: Buffer<ArrayBuffer>
  readonly contentType: string
  readonly count: number
}

/** POSTs the same body so many times, a few at once; any refusal is an error. */
export async function post({ origin, body, contentType, count }: Posts, pathOf: (request: number) => string) {
  let sent = 0
  const sendInTurn = async (): Promise<void> => {
    while (sent < count) {
      const headers = { 'content-type': contentType }
      const response = await fetch(`${origin}${pathOf(sent++)}`, { method: 'POST', headers, body })
      if (response.status !== 200) throw new Error(`the server refused a request: ${await response.text()}`)
      await response.arrayBuffer()
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, sendInTurn))
}

/** What the partitions of the topic `bench` hold, GiB. */
export async function logGibOf({ url }: MeasuredServer): Promise<number> {
  const page = (await (await fetch(`${url}/topics/bench/partitions`)).json()) as { items: { sizeBytes: number }[] }
  return page.items.reduce((total, { sizeBytes }) => total + sizeBytes, 0) / GIB
}
