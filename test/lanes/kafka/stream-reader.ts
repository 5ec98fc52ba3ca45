import { setTimeout as sleep } from 'node:timers/promises'
import type { LoggedRecord } from './steady-publisher.ts'

/** Connects to a stream of server-sent events as browsers do: again and again, with the id of the last event it got. */
export class StreamReader {
  /** In the order in which they came. */
  readonly seen: LoggedRecord[] = []
  /** Codes of the events `problem`, and statuses other than 200. */
  readonly problems: string[] = []
  connections = 0
  readonly #url: string
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #lastEventId = ''

  /** @param url where to begin; later the id of the last event counts */
  constructor(url: string) {
    this.#url = url
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  /** What of the log came not, twice, or not in its partition's order. */
  gapsAndDoubles(log: readonly LoggedRecord[]): string[] {
    const next = new Map<number, LoggedRecord[]>(Map.groupBy(log, ({ partition }) => partition))
    const wrong: string[] = []
    for (const { partition, offset, value } of this.seen) {
      const expected = next.get(partition)?.shift()
      if (expected?.offset === offset && expected.value === value) continue
      wrong.push(`${partition}/${offset} came where ${expected?.offset} was to come`)
    }
    for (const [partition, [first]] of next) if (first) wrong.push(`${partition}/${first.offset} did not come`)
    return wrong
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await this.#connect(signal).catch(() => undefined)
      if (!signal.aborted) await sleep(200, undefined, { signal }).catch(() => undefined)
    }
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const headers = this.#lastEventId === '' ? {} : { 'last-event-id': this.#lastEventId }
    const response = await fetch(this.#url, { headers, signal })
    this.connections++
    if (response.status !== 200 || response.body === null) {
      this.problems.push(`${response.status} ${await response.text()}`)
      return
    }
    let text = ''
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const frames = (text + chunk).split('\n\n')
      text = frames.pop() ?? ''
      for (const frame of frames) this.#take(frame)
    }
  }

  #take(frame: string): void {
    const fields = new Map(
      frame.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    )
    const data = fields.get('data')
    if (data !== undefined) this.#takeEvent(fields.get('event'), data)
    this.#lastEventId = fields.get('id') ?? this.#lastEventId
  }

  #takeEvent(event: string | undefined, data: string): void {
    const told = JSON.parse(data) as LoggedRecord & { readonly code?: string; readonly detail?: string }
    if (event === undefined) this.seen.push({ partition: told.partition, offset: told.offset, value: told.value })
    else this.problems.push(`${event}: ${told.code} ${told.detail}`)
  }
}
