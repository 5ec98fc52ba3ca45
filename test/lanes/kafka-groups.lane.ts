import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { startKafkaCluster } from '../support/kafka-cluster.ts'
import { kafkaClassPath, missingForKafkaTools } from '../support/kafka-tools.ts'
import { cleanUpBehind } from '../support/temp-directory.ts'
import { repositoryRoot } from '../tidy/source-files.ts'
import { ExampleConsumer } from './groups/example-consumer.ts'
import { RoundRobin } from './kafka/round-robin.ts'

/** Kafka's own consumer and members over HTTP are members of one group. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)
const skip = missing ?? false

const GROUP = 'workers'
const TOPIC = 'work'
const PARTITIONS = 6

/** Kafka's own consumer, with the protocol of KIP-848. */
class JavaMember {
  readonly seen: string[] = []
  readonly #child: ChildProcess
  #stderr = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', (line) => {
        const [what, partition, offset] = line.split(' ')
        if (what === 'record') this.seen.push(`${partition}/${offset}`)
      })
  }

  static async start(t: TestContext, bootstrapServers: string): Promise<JavaMember> {
    const program = join(repositoryRoot, 'test/lanes/kafka/GroupMember.java')
    const child = spawn('java', ['-cp', await kafkaClassPath(), program, bootstrapServers, GROUP, TOPIC])
    cleanUpBehind(t, () => child.kill('SIGKILL'))
    return new JavaMember(child)
  }

  get reads(): boolean {
    assert.equal(this.#child.exitCode, null, this.#stderr)
    return this.seen.length > 0
  }

  async leave(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.stdin?.write('q')
    const [code] = (await closed) as [number | null]
    assert.equal(code, 0, this.#stderr)
  }
}

interface GroupView {
  readonly members: readonly { readonly assignment: readonly { readonly partitions: readonly number[] }[] }[]
}

interface OffsetItem {
  readonly partition: number
  readonly nextOffset: number | null
  readonly endOffset: number
}

async function until(what: string, condition: () => Promise<boolean> | boolean, forMs = 40_000): Promise<void> {
  const deadline = performance.now() + forMs
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `waited ${forMs} ms in vain: ${what}`)
    await sleep(100)
  }
}

async function shares(gateway: Gateway): Promise<number[]> {
  const { members } = await gateway.ask<GroupView>(`/consumer-groups/${GROUP}`)
  const sizes = members.map(({ assignment }) => assignment.reduce((sum, { partitions }) => sum + partitions.length, 0))
  return sizes.toSorted((one, other) => one - other)
}

async function offsets(gateway: Gateway): Promise<readonly OffsetItem[]> {
  return (await gateway.ask<{ items: OffsetItem[] }>(`/consumer-groups/${GROUP}/offsets`)).items
}

async function publish(gateway: Gateway, from: number, count: number): Promise<void> {
  for (let first = from; first < from + count; first += 50) {
    const records = Array.from({ length: 50 }, (_, index) => ({
      key: `key-${first + index}`,
      value: `${first + index}`,
    }))
    await gateway.ask(`/topics/${TOPIC}/records`, 'POST', { records })
  }
}

test('a Java consumer and HTTP members share a group’s partitions', { skip, timeout: 180_000 }, async (t) => {
  const cluster = await startKafkaCluster(t, { nodeCount: 1 })
  const gateway = await startGateway(t, cluster.bootstrapServers)
  const other = await startGateway(t, cluster.bootstrapServers)
  await gateway.ask(`/topics/${TOPIC}`, 'PUT', { partitions: PARTITIONS })
  const balancer = await RoundRobin.start(t, [gateway.url, other.url])
  const http = new ExampleConsumer('consumer.ts', balancer.url, GROUP, TOPIC)
  cleanUpBehind(t, () => http.kill9())
  await publish(gateway, 0, 1000)
  await until('the member over HTTP reads', () => http.reads)
  const java = await JavaMember.start(t, cluster.bootstrapServers)
  await until('each has its half', async () => (await shares(gateway)).join() === '3,3')
  await publish(gateway, 1000, 1000)
  await until('both read', () => http.reads && java.reads)
  await until('all is committed', async () =>
    (await offsets(gateway)).every(({ nextOffset, endOffset }) => nextOffset === endOffset),
  )
  await java.leave()
  await until('the member over HTTP has all', async () => (await shares(other)).join() === '6')
  await publish(gateway, 2000, 500)
  const all = (): Set<string> => new Set([...http.seen, ...java.seen])
  await until('all is read', () => all().size === 2500)
  await http.stop()
  t.diagnostic(`${http.seen.length} records over HTTP, ${java.seen.length} by Kafka's consumer`)
  assert.equal(http.seen.length + java.seen.length, 2500, 'nobody stopped or died: nothing is read twice')
  const committed = await offsets(gateway)
  assert.equal(
    committed.reduce((sum, { nextOffset }) => sum + (nextOffset ?? 0), 0),
    2500,
  )
})
