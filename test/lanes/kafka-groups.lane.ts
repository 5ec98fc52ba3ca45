import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { KafkaCluster, keepLogsOfFailure } from '../support/kafka-cluster.ts'
import { openKafkaEngine } from '../support/kafka-engine.ts'
import { missingForKafkaTools } from '../support/kafka-tools.ts'
import { cleanUpBehind } from '../support/temp-directory.ts'
import { ExampleConsumer } from './groups/example-consumer.ts'
import { JavaMember } from './kafka/java-member.ts'
import { RoundRobin } from './kafka/round-robin.ts'
import { until } from './kafka/until.ts'

/** Groups of a cluster, seen through two gateways: with Kafka's own consumers in them, and without. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)

interface GroupView {
  readonly type: string
  readonly state: string
  readonly members: readonly {
    readonly memberId: string
    readonly topics: readonly string[]
    readonly assignment: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
  }[]
}

interface OffsetItem {
  readonly partition: number
  readonly nextOffset: number | null
  readonly endOffset: number
  readonly lag: number | null
}

interface MemberReply {
  readonly cursor: string
  readonly assignment: readonly { readonly partitions: readonly number[] }[]
}

interface MemberPage extends MemberReply {
  readonly records: readonly { readonly partition: number; readonly offset: number }[]
}

interface Answer<Body> {
  readonly status: number
  readonly body: Body
}

const groupOf = (gateway: Gateway, group: string) => gateway.ask<GroupView>(`/consumer-groups/${group}`)

async function shares(gateway: Gateway, group: string): Promise<number[]> {
  const { members } = await groupOf(gateway, group)
  const sizes = members.map(({ assignment }) => assignment.reduce((sum, { partitions }) => sum + partitions.length, 0))
  return sizes.toSorted((one, other) => one - other)
}

async function offsetsOf(gateway: Gateway, group: string): Promise<readonly OffsetItem[]> {
  return (await gateway.ask<{ items: OffsetItem[] }>(`/consumer-groups/${group}/offsets`)).items
}

async function isAllCommitted(gateway: Gateway, group: string): Promise<boolean> {
  const items = await offsetsOf(gateway, group)
  return items.length > 0 && items.every(({ nextOffset, endOffset, lag }) => nextOffset === endOffset && lag === 0)
}

async function publish(gateway: Gateway, topic: string, from: number, count: number): Promise<void> {
  for (let first = from; first < from + count; first += 50) {
    const records = Array.from({ length: 50 }, (_, index) => ({
      key: `key-${first + index}`,
      value: `${first + index}`,
    }))
    await gateway.ask(`/topics/${topic}/records`, 'POST', { records })
  }
}

async function call<Body>(gateway: Gateway, method: string, path: string, body?: object): Promise<Answer<Body>> {
  const sent = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(`${gateway.url}/consumer-groups/${path}`, { method, ...sent })
  const text = await response.text()
  return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as Body }
}

/** Status and code of what is refused. */
async function refused(gateway: Gateway, method: string, path: string, body?: object): Promise<string> {
  const answer = await call<{ code: string } | undefined>(gateway, method, path, body)
  return `${answer.status} ${answer.body?.code}`
}

describe('groups of a Kafka cluster', { skip: missing ?? false, timeout: 180_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-groups-'))
  let cluster: KafkaCluster
  before(async () => {
    const settings = ['group.initial.rebalance.delay.ms=0']
    cluster = await KafkaCluster.start(folder, { nodeCount: 1, settings })
  })
  after(async () => {
    await cluster.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function gateways(t: TestContext): Promise<readonly [Gateway, Gateway]> {
    keepLogsOfFailure(t, cluster)
    return Promise.all([startGateway(t, cluster.bootstrapServers), startGateway(t, cluster.bootstrapServers)])
  }

  const java = (t: TestContext, group: string, topic: string, protocol: 'consumer' | 'classic') =>
    JavaMember.start(t, { bootstrapServers: cluster.bootstrapServers, group, topic, protocol })

  test('a Java consumer and HTTP members share a group’s partitions', async (t) => {
    const [gateway, other] = await gateways(t)
    await gateway.ask('/topics/work', 'PUT', { partitions: 6 })
    const balancer = await RoundRobin.start(t, [gateway.url, other.url])
    const http = new ExampleConsumer('consumer.ts', balancer.url, 'workers', 'work')
    cleanUpBehind(t, () => http.kill9())
    await publish(gateway, 'work', 0, 1000)
    await until('the member over HTTP has committed all', () => http.reads && isAllCommitted(gateway, 'workers'))
    const member = await java(t, 'workers', 'work', 'consumer')
    await until('each has its half', async () => (await shares(gateway, 'workers')).join() === '3,3')
    await publish(gateway, 'work', 1000, 1000)
    await until('both read', () => http.reads && member.reads)
    await until('all is committed', () => isAllCommitted(gateway, 'workers'))
    await member.leave()
    await until('the member over HTTP has all', async () => (await shares(other, 'workers')).join() === '6')
    await publish(gateway, 'work', 2000, 500)
    const all = (): Set<string> => new Set([...http.seen, ...member.seen])
    await until('all is read', () => all().size === 2500)
    await until('all is committed', () => isAllCommitted(other, 'workers'))
    await http.stop()
    t.diagnostic(`${http.seen.length} records over HTTP, ${member.seen.length} by Kafka's consumer`)
    assert.equal(http.seen.length + member.seen.length, 2500, 'each began where the other had committed')
  })

  test('a group of classic members can be looked at, and nothing else; it does not notice', async (t) => {
    const [gateway] = await gateways(t)
    await gateway.ask('/topics/old-work', 'PUT', { partitions: 2 })
    await publish(gateway, 'old-work', 0, 100)
    const member = await java(t, 'veterans', 'old-work', 'classic')
    await until('all is read and committed', () => member.reads && isAllCommitted(gateway, 'veterans'))
    const seen = await groupOf(gateway, 'veterans')
    assert.deepEqual([seen.type, seen.state, seen.members.length], ['classic', 'Stable', 1])
    const [{ topics, assignment } = assert.fail()] = seen.members
    assert.deepEqual([topics, assignment], [['old-work'], [{ topic: 'old-work', partitions: [0, 1] }]])
    const { items } = await gateway.ask<{ items: { group: string; type: string }[] }>('/consumer-groups')
    assert.equal(items.find(({ group }) => group === 'veterans')?.type, 'classic')

    const offsets = [{ topic: 'old-work', partition: 0, nextOffset: 0 }]
    const joining = { topics: ['old-work'] }
    for (const [method, path, body, code] of [
      ['PUT', '/members/newcomer', joining, 'INCONSISTENT_GROUP_PROTOCOL'],
      ['PUT', '/members/newcomer', { ...joining, autoOffsetReset: 'latest' }, 'INCONSISTENT_GROUP_PROTOCOL'],
      ['PUT', '/members/newcomer', { topics: ['work'], autoOffsetReset: 'latest' }, 'INCONSISTENT_GROUP_PROTOCOL'],
      ['POST', '/offsets', { offsets }, 'NON_EMPTY_GROUP'],
      ['PUT', '/offsets', { offsets }, 'NON_EMPTY_GROUP'],
      ['DELETE', '/offsets', undefined, 'NON_EMPTY_GROUP'],
      ['DELETE', '', undefined, 'NON_EMPTY_GROUP'],
    ] as const) {
      assert.equal(await refused(gateway, method, `veterans${path}`, body), `409 ${code}`, `${method} ${path}`)
    }

    await publish(gateway, 'old-work', 100, 100)
    await until('all is read and committed', () => member.seen.length === 200 && isAllCommitted(gateway, 'veterans'))
    const { type, state, members } = await groupOf(gateway, 'veterans')
    assert.deepEqual([type, state, members], [seen.type, seen.state, seen.members], 'they have noticed nothing')
    assert.deepEqual(member.moves, ['assigned 0,1'])
    await member.leave()
    await until('it has left', async () => (await groupOf(gateway, 'veterans')).members.length === 0)
    const joined = await call<MemberReply>(gateway, 'PUT', 'veterans/members/newcomer', joining)
    assert.equal(joined.status, 201)
    await publish(gateway, 'old-work', 200, 50)
    const page = await call<MemberPage>(
      gateway,
      'GET',
      `veterans/members/newcomer/records?cursor=${joined.body.cursor}&waitMs=5000`,
    )
    assert.ok(page.body.records.length > 0)
    for (const { partition, offset } of page.body.records) {
      assert.ok(!member.seen.includes(`${partition}/${offset}`), 'it begins where the classic members ended')
    }
  })

  test('a static member is taken over through another gateway, from where it had committed', async (t) => {
    const [one, other] = await gateways(t)
    await one.ask('/topics/posts', 'PUT', { partitions: 3 })
    await publish(one, 'posts', 0, 100)
    const joining = { topics: ['posts'], instanceId: 'post-1' }
    const old = await call<MemberReply>(one, 'PUT', 'carriers/members/old', joining)
    assert.equal(old.status, 201)
    const fetchOld = (gateway: Gateway, cursor: string) =>
      call<MemberPage>(gateway, 'GET', `carriers/members/old/records?cursor=${cursor}&waitMs=5000`)
    const first = await fetchOld(other, old.body.cursor)
    assert.equal(first.body.records.length, 100)
    assert.equal((await call(one, 'POST', 'carriers/offsets', { cursor: first.body.cursor })).status, 200)
    await publish(other, 'posts', 100, 50)
    const uncommitted = await fetchOld(one, first.body.cursor)
    assert.equal(uncommitted.body.records.length, 50)

    const heir = await call<MemberReply>(other, 'PUT', 'carriers/members/heir', joining)
    assert.deepEqual([heir.status, heir.body.assignment], [200, [{ topic: 'posts', partitions: [0, 1, 2] }]])
    for (const gateway of [one, other]) {
      const cursor = uncommitted.body.cursor
      const path = `carriers/members/old/records?cursor=${cursor}`
      assert.equal(await refused(gateway, 'GET', path), '409 FENCED_INSTANCE_ID')
      assert.equal(await refused(gateway, 'POST', 'carriers/offsets', { cursor }), '409 FENCED_INSTANCE_ID')
    }
    const page = await call<MemberPage>(
      one,
      'GET',
      `carriers/members/heir/records?cursor=${heir.body.cursor}&waitMs=5000`,
    )
    const places = (records: MemberPage['records']) => records.map(({ partition, offset }) => `${partition}/${offset}`)
    assert.deepEqual(places(page.body.records).toSorted(), places(uncommitted.body.records).toSorted())
    assert.equal(await refused(one, 'DELETE', 'carriers'), '409 NON_EMPTY_GROUP')
    assert.equal((await call(one, 'DELETE', 'carriers/members/heir?permanent=true')).status, 204)
    assert.equal((await call(other, 'DELETE', 'carriers')).status, 204)
    assert.equal(await refused(other, 'GET', 'carriers'), '404 GROUP_ID_NOT_FOUND')
    assert.equal(await refused(one, 'DELETE', 'carriers'), '404 GROUP_ID_NOT_FOUND')
    assert.equal(await refused(one, 'GET', 'carriers/offsets'), '404 GROUP_ID_NOT_FOUND')
  })

  test('members that wait need no more connections than one', async (t) => {
    keepLogsOfFailure(t, cluster)
    const engine = await openKafkaEngine(t, cluster.bootstrapServers)
    await engine.topics.create({ name: 'quiet', partitionCount: 10, configs: new Map() })
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
    const wait = async (number: number): Promise<void> => {
      const [group, memberId] = [`quiet-${number % 20}`, `member-${number}`]
      const joined = await engine.membership.join({ group, memberId, topics: ['quiet'], maxPollIntervalMs: 300_000 })
      const { memberEpoch, assignment: held, revoking: announced, subscription } = joined
      const state = { group, memberId, memberEpoch, held, announced, subscription }
      const ends = [engine.membership.holdSession(group, memberId), engine.membership.onNews(state, () => undefined)]
      cleanUpBehind(t, () => ends.forEach((end) => end()))
    }
    await wait(0)
    const openBefore = sockets()
    await Promise.all(Array.from({ length: 199 }, (_, index) => wait(index + 1)))
    await new Promise((resolve) => setTimeout(resolve, 1500))
    t.diagnostic(`${sockets()} connections`)
    assert.equal(sockets(), openBefore)
    assert.ok(openBefore <= 4)
  })
})
