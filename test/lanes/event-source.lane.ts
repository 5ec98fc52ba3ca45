import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { ServerProcess } from '../support/server-process.ts'

const PORT = 18_252
const PARTITIONS = 3
const TIMEOUT_MS = 180_000

/** What a page saw of a record: `partition/offset value`. */
type Seen = string

/** The first of these programs that is installed. In CI a missing one fails the test, elsewhere it says what to do. */
function program(t: TestContext, names: readonly string[], debianPackage: string): string | undefined {
  for (const name of names) {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore' })
      return name
    } catch {
      continue
    }
  }
  const remedy = `${names.join(' or ')} is not installed: apt-get install ${debianPackage}`
  assert.notEqual(process.env['CI'], 'true', remedy)
  t.skip(`NOT TRIED: ${remedy}`)
  return undefined
}

class Log {
  readonly #directory: string
  server: ServerProcess
  readonly published: Seen[] = []

  private constructor(directory: string, server: ServerProcess) {
    this.#directory = directory
    this.server = server
  }

  static async start(t: TestContext): Promise<Log> {
    const directory = await mkdtemp(join(tmpdir(), 'posthorn-events-'))
    const log = new Log(directory, await startOn(directory))
    t.after(async () => {
      await log.server.kill9()
      await rm(directory, { recursive: true, force: true })
    })
    const topic = await fetch(`${log.server.url}/topics/orders`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ partitions: PARTITIONS }),
    })
    assert.equal(topic.status, 201)
    return log
  }

  async restart(end: 'stop' | 'kill9'): Promise<void> {
    await this.server[end]()
    this.server = await startOn(this.#directory)
  }

  async publish(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const value = `record ${this.published.length}`
      const body = JSON.stringify({ records: [{ value, partition: this.published.length % PARTITIONS }] })
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`${this.server.url}/topics/orders/records`, { method: 'POST', headers, body })
      assert.equal(response.status, 200)
      const { records } = JSON.parse(await response.text())
      this.published.push(`${records[0].partition}/${records[0].offset} ${value}`)
    }
  }
}

async function startOn(directory: string): Promise<ServerProcess> {
  return await ServerProcess.start({
    settings: [`log.dirs=${directory}`, `port=${PORT}`, 'cors.allowed.origins=*'],
  })
}

/** Each record once, each partition in order. */
function assertSame(seen: readonly Seen[], published: readonly Seen[]): void {
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const mine = (record: Seen): boolean => record.startsWith(`${partition}/`)
    assert.deepEqual(seen.filter(mine), published.filter(mine))
  }
}

/** Serves a page whose EventSource tells this process what it sees. */
class Page {
  readonly seen: Seen[] = []
  connections = 0
  readonly url: string
  readonly #close: () => void

  private constructor(url: string, close: () => void) {
    this.url = url
    this.#close = close
  }

  static async serve(t: TestContext, source: string): Promise<Page> {
    const server = createServer((request, response) => void page.#answer(request, response, source))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    assert.ok(typeof address === 'object' && address !== null)
    const page = new Page(`http://127.0.0.1:${address.port}/`, () => server.closeAllConnections())
    t.after(() => {
      page.#close()
      server.close()
    })
    return page
  }

  async #answer(request: IncomingMessage, response: ServerResponse, source: string): Promise<void> {
    const body = await text(request)
    if (request.url === '/open') this.connections += 1
    if (request.url === '/seen') this.seen.push(...JSON.parse(body))
    response.setHeader('content-type', 'text/html')
    response.end(request.url === '/' ? html(source) : '')
  }

  async sees(count: number): Promise<void> {
    const deadline = performance.now() + 30_000
    while (this.seen.length < count) {
      assert.ok(performance.now() < deadline, `the page saw ${this.seen.length} of ${count} records`)
      await pause(20)
    }
  }
}

/** One report at a time, so that they keep their order. */
const html = (source: string): string => `<!doctype html><script>
  const tell = []
  let telling = Promise.resolve()
  const report = () => {
    telling = telling.then(async () => {
      if (tell.length > 0) await fetch('/seen', { method: 'POST', body: JSON.stringify(tell.splice(0)) })
    })
  }
  const source = new EventSource(${JSON.stringify(source)})
  source.onopen = () => fetch('/open', { method: 'POST' })
  source.onmessage = ({ data }) => {
    const { partition, offset, value } = JSON.parse(data)
    tell.push(partition + '/' + offset + ' ' + value)
    report()
  }
</script>`

async function browse(t: TestContext, chromium: string, url: string): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'posthorn-chromium-'))
  const quiet = ['--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking']
  const options = ['--headless', '--no-sandbox', ...quiet, '--remote-debugging-port=0', `--user-data-dir=${profile}`]
  const browser = spawn(chromium, [...options, url], { stdio: 'ignore', detached: true })
  t.after(async () => {
    await endGroup(browser)
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  })
}

async function endGroup(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return
  const closed = once(child, 'close')
  process.kill(-child.pid, 'SIGKILL')
  await closed
}

test('a page’s EventSource misses nothing and sees nothing twice', { timeout: TIMEOUT_MS }, async (t) => {
  const chromium = program(t, ['chromium', 'chromium-browser'], 'chromium')
  if (chromium === undefined) return
  const log = await Log.start(t)
  await log.publish(100)
  const page = await Page.serve(t, `${log.server.url}/topics/orders/stream?from=earliest`)
  await browse(t, chromium, page.url)
  await page.sees(50)
  for (const end of ['stop', 'kill9', 'stop'] as const) {
    const began = performance.now()
    await log.restart(end)
    t.diagnostic(`${end} and start with the page open: ${Math.round(performance.now() - began)} ms`)
    await log.publish(100)
    await page.sees(log.published.length)
  }
  assertSame(page.seen, log.published)
  assert.ok(page.connections >= 4, `${page.connections} connections`)
})

test('a page that came before any record misses none', { timeout: TIMEOUT_MS }, async (t) => {
  const chromium = program(t, ['chromium', 'chromium-browser'], 'chromium')
  if (chromium === undefined) return
  const log = await Log.start(t)
  const page = await Page.serve(t, `${log.server.url}/topics/orders/stream`)
  await browse(t, chromium, page.url)
  while (page.connections === 0) await pause(20)
  await log.restart('stop')
  await log.publish(10)
  await page.sees(10)
  assertSame(page.seen, log.published)
})

test('curl reads on from the last id', { timeout: TIMEOUT_MS }, async (t) => {
  const curl = program(t, ['curl'], 'curl')
  if (curl === undefined) return
  const log = await Log.start(t)
  await log.publish(30)
  const seen: Seen[] = []
  let lastEventId: string | undefined
  for (const end of ['kill9', 'stop'] as const) {
    lastEventId = await readWithCurl(curl, log, seen, lastEventId)
    await log.restart(end)
    await log.publish(30)
  }
  await readWithCurl(curl, log, seen, lastEventId)
  assertSame(seen, log.published)
})

/** Reads what was published, and returns the last id. */
async function readWithCurl(curl: string, log: Log, seen: Seen[], lastEventId?: string): Promise<string | undefined> {
  const resume = lastEventId === undefined ? [] : ['-H', `Last-Event-ID: ${lastEventId}`]
  const child = spawn(curl, ['-sN', ...resume, `${log.server.url}/topics/orders/stream?from=earliest`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let rest = ''
  let last = lastEventId
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    const blocks = `${rest}${chunk}`.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      last = /^id: (.+)$/m.exec(block)?.[1] ?? last
      const data = /^data: (.+)$/m.exec(block)?.[1]
      if (data === undefined) continue
      const { partition, offset, value } = JSON.parse(data)
      seen.push(`${partition}/${offset} ${value}`)
    }
    if (seen.length >= log.published.length) break
  }
  child.kill()
  return last
}
