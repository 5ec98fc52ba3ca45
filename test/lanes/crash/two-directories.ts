import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { cleanUpBehind, tempDirectory } from '../../support/temp-directory.ts'
import { CrashServer } from './crash-server.ts'
import { fileHashes } from './file-hashes.ts'
import { jsonCall } from './http-call.ts'
import { OnePublisher } from './one-publisher.ts'
import { troublesOf } from './troubles.ts'

const PARTITIONS = 4
const settings = ['journal.file.bytes=8388608', 'log.dir.reserve.bytes=0', 'log.dir.free.min.bytes=0']

/** Two log directories with a topic over both; `start` gives it the directories that it is told. */
export class TwoDirectories {
  readonly folder: string
  readonly publisher: OnePublisher
  server: CrashServer | undefined
  readonly #settings: readonly string[]

  private constructor(folder: string, more: readonly string[]) {
    this.folder = folder
    this.#settings = [...settings, ...more]
    this.publisher = new OnePublisher(() => this.server?.url ?? '', PARTITIONS)
  }

  static async make(t: TestContext, more: readonly string[] = []): Promise<TwoDirectories> {
    const made = new TwoDirectories(tempDirectory(t), more)
    for (const name of ['a', 'b']) mkdirSync(made.path(name))
    cleanUpBehind(t, () => made.server?.kill9())
    await made.start('a', 'b')
    await made.publisher.createTopic()
    await made.publisher.fill(10)
    return made
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  async start(...names: readonly string[]): Promise<CrashServer> {
    await this.server?.kill9()
    this.server = await CrashServer.on(
      names.map((name) => this.path(name)),
      this.#settings,
    )
    await this.server.start()
    return this.server
  }

  /** What it says where it does not start; nothing may be touched by that. */
  async refusal(...names: readonly string[]): Promise<string> {
    await this.server?.kill9()
    const existing = readdirSync(this.folder)
    const before = existing.map((name) => fileHashes(this.path(name)))
    const error = await this.start(...names).then(
      () => assert.fail(`it starts with ${names.join()}`),
      (reason: unknown) => String(reason),
    )
    assert.deepEqual(readdirSync(this.folder), existing)
    assert.deepEqual(
      existing.map((name) => fileHashes(this.path(name))),
      before,
    )
    return error
  }

  /** Partitions by the directory that holds them. */
  async partitionsOn(name: string): Promise<number[]> {
    const reply = await jsonCall('GET', `${this.server?.url}/topics/orders/partitions`)
    const { items } = JSON.parse(reply?.text ?? '') as { items: { partition: number; logDir: string }[] }
    return items.filter(({ logDir }) => logDir === this.path(name)).map(({ partition }) => partition)
  }

  /** Those on `away` are refused and said to be away; all others go on as ever. */
  async assertAway(name: string, on: { readonly here: readonly number[]; readonly away: readonly number[] }) {
    const { server } = this
    assert.ok(server)
    const said = await troublesOf(server)
    assert.ok(
      said.some((text) => text.startsWith('log-dir-offline') && text.includes(this.path(name))),
      said.join('\n'),
    )
    for (const partition of on.away) {
      const read = await jsonCall('GET', `${server.url}/topics/orders/partitions/${partition}/records?offset=0`)
      assert.equal(read?.status, 503, read?.text)
      const { status, code, stored } = await this.publisher.publish(partition, 2)
      assert.deepEqual({ status, code, stored }, { status: 503, code: 'KAFKA_STORAGE_ERROR', stored: 'no' })
    }
    for (const partition of on.here) {
      const read = await jsonCall('GET', `${server.url}/topics/orders/partitions/${partition}/records?offset=0`)
      assert.equal(read?.status, 200, read?.text)
      assert.equal((await this.publisher.publish(partition, 2)).status, 200)
    }
  }
}
