import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServerProcess } from '../support/server-process.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const PARTITIONS = 6
const CYCLES = 3
/** Records of a request and bytes of a value: merged singles, plain rounds, direct appends. */
const shapes = [
  { count: 1, bytes: 50 },
  { count: 30, bytes: 200 },
  { count: 2, bytes: 120_000 },
] as const

interface Sent {
  readonly count: number
  /** Where each record is, if the request was answered. */
  places: readonly { readonly partition: number; readonly offset: number }[] | undefined
}

interface PublishReply {
  readonly records: readonly { readonly partition: number; readonly offset: number }[]
}

interface Page {
  readonly records: readonly { readonly offset: number; readonly value: string }[]
}

/** What was sent, by the name that begins its records' values. */
type Book = Map<string, Sent>

async function publish(server: ServerProcess, book: Book, publisher: string): Promise<void> {
  for (let request = 0; ; request++) {
    const name = `${publisher}.${request}`
    const { count, bytes } = shapes[request % shapes.length] ?? shapes[0]
    const sent: Sent = { count, places: undefined }
    book.set(name, sent)
    const records = Array.from({ length: count }, (_, index) => ({
      key: `${name}${index}`,
      value: `${name}|${index}|${'x'.repeat(bytes)}`,
    }))
    const acks = request % 4 === 0 ? '1' : 'all'
    try {
      const response = await fetch(`${server.url}/topics/orders/records?acks=${acks}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ records }),
      })
      assert.equal(response.status, 200, await response.clone().text())
      const reply = (await response.json()) as PublishReply
      sent.places = reply.records
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      return
    }
  }
}

/** `<name>|<index>` by `<partition>/<offset>`, offsets checked to be dense. */
async function readAll(server: ServerProcess): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (let offset = 0; ;) {
      const query = `offset=${offset}&maxRecords=1000`
      const response = await fetch(`${server.url}/topics/orders/partitions/${partition}/records?${query}`)
      assert.equal(response.status, 200, await response.clone().text())
      const { records } = (await response.json()) as Page
      if (records.length === 0) break
      for (const record of records) {
        assert.equal(record.offset, offset++)
        found.set(`${partition}/${record.offset}`, record.value.slice(0, record.value.lastIndexOf('|')))
      }
    }
  }
  return found
}

function check(found: ReadonlyMap<string, string>, book: Book): number {
  let acknowledged = 0
  const counts = new Map<string, number>()
  for (const value of found.values()) {
    const name = value.slice(0, value.indexOf('|'))
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  for (const [name, { count, places }] of book) {
    for (const [index, { partition, offset }] of (places ?? []).entries()) {
      assert.equal(found.get(`${partition}/${offset}`), `${name}|${index}`)
      acknowledged++
    }
    const stored = counts.get(name) ?? 0
    assert.ok(stored === 0 || stored === count, `${stored} of the ${count} records of ${name} are stored`)
  }
  return acknowledged
}

test('kill -9 under load: every acknowledged record is where its answer said, requests are whole or not there', async (t) => {
  const options = {
    command: [process.execPath, 'src/main.ts'],
    settings: [
      `log.dirs=${tempDirectory(t)}`,
      'listeners=http://127.0.0.1:0',
      'log.segment.bytes=1048576',
      'journal.file.bytes=8388608',
      'journal.direct.min.bytes=65536',
      'log.dir.reserve.bytes=0',
      'log.dir.free.min.bytes=0',
      `num.partitions=${PARTITIONS}`,
    ],
  }
  const book: Book = new Map()
  let acknowledged = 0
  let server = await ServerProcess.start(options)
  t.after(() => server.kill9())
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const publishers = Array.from({ length: 4 }, (_, index) => publish(server, book, `c${cycle}p${index}`))
    const killed = new Promise<void>((resolve) => {
      const look = setInterval(() => {
        const answered = [...book.values()].filter(({ places }) => places !== undefined).length
        if (answered < (cycle + 1) * 120) return
        clearInterval(look)
        resolve(server.kill9())
      }, 5)
    })
    await Promise.all([killed, ...publishers])
    server = await ServerProcess.start(options)
    acknowledged = check(await readAll(server), book)
  }
  assert.ok(acknowledged > 1000, `only ${acknowledged} records were acknowledged`)
})
