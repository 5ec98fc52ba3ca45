import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'

/** One block of an event stream, as a browser takes it. */
export interface Frame {
  readonly event?: string
  readonly data?: string
  readonly id?: string
  readonly retry?: string
  readonly comment?: string
}

/** An event stream that a test reads frame by frame. */
export class EventReader {
  readonly response: Response
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new TextDecoder()
  readonly #abort: AbortController
  #text = ''
  /** As a browser has it: of the last block with an id. */
  lastEventId = ''

  private constructor(response: Response, abort: AbortController) {
    assert.ok(response.body)
    this.response = response
    this.#reader = response.body.getReader()
    this.#abort = abort
  }

  /** Opens a stream; ended after the test. */
  static async open(t: TestContext, url: string, headers: Record<string, string> = {}): Promise<EventReader> {
    const abort = new AbortController()
    const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers }, signal: abort.signal })
    if (response.status !== 200) assert.fail(`${response.status} ${await response.text()}`)
    assert.equal(response.headers.get('content-type'), 'text/event-stream')
    t.after(() => abort.abort())
    return new EventReader(response, abort)
  }

  /** The next block; undefined where the server has ended the stream. */
  async frame(): Promise<Frame | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n')
      if (end >= 0) {
        const frame = parse(this.#text.slice(0, end))
        this.#text = this.#text.slice(end + 2)
        if (frame.id !== undefined) this.lastEventId = frame.id
        return frame
      }
      const { done, value } = await this.#reader.read()
      if (done) return undefined
      this.#text += this.#decoder.decode(value, { stream: true })
    }
  }

  /** The next records: frames that a page's `onmessage` would see. */
  async records(count: number) {
    const records = []
    while (records.length < count) {
      const { event, data } = await this.some()
      assert.equal(event, undefined, data)
      if (data !== undefined) records.push(JSON.parse(data))
    }
    return records
  }

  async some(): Promise<Frame> {
    const frame = await this.frame()
    assert.ok(frame !== undefined, 'the stream has ended')
    return frame
  }

  close(): void {
    this.#abort.abort()
  }
}

function parse(block: string): Frame {
  const fields: Record<string, string> = {}
  for (const line of block.split('\n')) {
    assert.doesNotMatch(line, /\r/)
    const colon = line.indexOf(': ')
    const name = line.slice(0, colon)
    assert.ok(['', 'event', 'data', 'id', 'retry'].includes(name), `no field: ${line}`)
    assert.ok(!(name in fields), `two lines of ${name}`)
    fields[name === '' ? 'comment' : name] = line.slice(colon + 2)
  }
  return fields
}
