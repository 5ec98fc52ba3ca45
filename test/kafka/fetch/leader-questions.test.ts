import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NetworkError } from '@platformatic/kafka'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import type { ClusterMetadata, ClusterTopic } from '../../../src/kafka/cluster-metadata.ts'
import { askLeaders, type LeaderDirectory, type Outcome } from '../../../src/kafka/fetch/leader-questions.ts'
import { brokerError } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function topicLedBy(...leaders: readonly number[]): ClusterTopic {
  const partitions = leaders.map((leader, partition) => {
    return { partition, leader, leaderEpoch: 0, replicas: [], isr: [], offlineReplicas: [] }
  })
  return { name: 'orders', topicId: 'an-id', uuid: 'uuid', internal: false, partitions }
}

const metadataOf = (...topics: readonly ClusterTopic[]): ClusterMetadata => ({
  clusterId: 'c',
  controllerId: 1,
  nodes: new Map(),
  topics: new Map(topics.map((topic) => [topic.name, topic])),
  topicsById: new Map(topics.map((topic) => [topic.topicId, topic])),
})

/** A cluster that looks as the list says, one further each time it is asked; time goes on by each pause. */
function clusterOf(...states: readonly ClusterMetadata[]) {
  const clock = new FakeClock()
  const directory = {
    options: { clock },
    metadata: states[0] ?? metadataOf(),
    stop: new AbortController(),
    get stopping(): AbortSignal {
      return directory.stop.signal
    },
    reachable: true,
    refreshes: 0,
    backoffMs: () => 100,
    async refresh() {
      directory.refreshes++
      directory.metadata = states[Math.min(directory.refreshes, states.length - 1)] ?? directory.metadata
      await new Promise((resolve) => setImmediate(resolve))
    },
  } satisfies LeaderDirectory & { refreshes: number; stop: AbortController }
  const moving = setInterval(() => clock.advance(50), 1)
  return { directory, clock, stop: () => clearInterval(moving) }
}

/** What each node says, in turn; the last one again and again. */
async function ask(
  t: { after(fn: () => void): void },
  cluster: ReturnType<typeof clusterOf>,
  partitions: readonly number[],
  said: (nodeId: number, partition: number, time: number) => Outcome<string> | Error,
  topicId?: string,
  isOver?: () => boolean,
) {
  t.after(cluster.stop)
  const asked: string[] = []
  const answers = await askLeaders<{ topic: string; topicId?: string; partition: number }, string>(
    cluster.directory,
    partitions.map((partition) => ({ topic: 'orders', partition, ...(topicId !== undefined && { topicId }) })),
    {
      ask: (nodeId, located) => {
        asked.push(`${nodeId}: ${located.map(({ partition }) => partition).join()}`)
        const outcomes: Outcome<string>[] = []
        for (const { partition } of located) {
          const outcome = said(nodeId, partition, asked.length)
          if (outcome instanceof Error) return Promise.reject(outcome)
          outcomes.push(outcome)
        }
        return Promise.resolve(outcomes)
      },
      patienceMs: 3000,
      isEnough: (answer) => answer === 'records',
      ...(isOver && { isOver }),
      doing: 'to read records',
    },
  )
  return { answers, asked }
}

test('each leader is asked once for all its partitions, a partition asked for twice beside it', async (t) => {
  const cluster = clusterOf(metadataOf(topicLedBy(1, 2, 1)))
  const { answers, asked } = await ask(t, cluster, [0, 1, 2, 0], (node, partition) => ({
    answer: `${node}/${partition}`,
  }))
  assert.deepEqual(answers, ['1/0', '2/1', '1/2', '1/0'])
  assert.deepEqual(asked, ['1: 0,2', '2: 1', '1: 0'])
  assert.equal(cluster.directory.refreshes, 0)
})

test('a leader that moved is asked where it is then, and only for what is open', async (t) => {
  const cluster = clusterOf(metadataOf(topicLedBy(1, 1)), metadataOf(topicLedBy(1, 2)))
  const { answers, asked } = await ask(t, cluster, [0, 1], (node, partition) => {
    return partition === 1 && node === 1 ? { kafkaCode: 6 } : { answer: `${node}/${partition}` }
  })
  assert.deepEqual(answers, ['1/0', '2/1'])
  assert.deepEqual(asked, ['1: 0,1', '2: 1'])
})

test('a node that cannot be asked is looked for anew', async (t) => {
  const cluster = clusterOf(metadataOf(topicLedBy(1)), metadataOf(topicLedBy(2)))
  const { answers } = await ask(t, cluster, [0], (node) => (node === 1 ? new NetworkError('gone') : { answer: 'ok' }))
  assert.deepEqual(answers, ['ok'])
})

test('what does not pass is told at once, what does not get over in time at its end', async (t) => {
  const cluster = clusterOf(metadataOf(topicLedBy(1, 1)))
  const { answers } = await ask(t, cluster, [0, 1], (_node, partition) => ({ kafkaCode: partition === 0 ? 29 : 6 }))
  brokerError('TOPIC_AUTHORIZATION_FAILED')(answers[0])
  brokerError('NOT_LEADER_OR_FOLLOWER')(answers[1])
  assert.ok(cluster.clock.monotonic() >= 3000)
})

test('others’ records are held up for a moment only', async (t) => {
  const cluster = clusterOf(metadataOf(topicLedBy(1, 2)))
  const { answers } = await ask(t, cluster, [0, 1], (node) => (node === 1 ? { answer: 'records' } : { kafkaCode: 6 }))
  assert.equal(answers[0], 'records')
  assert.ok(answers[1] instanceof BrokerError)
  assert.ok(cluster.clock.monotonic() < 1500, `${cluster.clock.monotonic()} ms`)
})

test('a topic that one node has not heard of is asked for again before it is said to be unknown', async (t) => {
  const heard = metadataOf(topicLedBy(1))
  const late = await ask(t, clusterOf(metadataOf(), metadataOf(), heard), [0], () => ({ answer: 'ok' }))
  assert.deepEqual(late.answers, ['ok'])
  const never = clusterOf(metadataOf())
  const { answers } = await ask(t, never, [0], () => ({ answer: 'ok' }))
  brokerError('UNKNOWN_TOPIC_OR_PARTITION')(answers[0])
  assert.equal(never.directory.refreshes, 2)
})

test('another topic of the name, and a partition that is not there', async (t) => {
  const other = await ask(t, clusterOf(metadataOf(topicLedBy(1))), [0], () => ({ answer: 'ok' }), 'old-id')
  brokerError('UNKNOWN_TOPIC_ID')(other.answers[0])
  const missing = await ask(t, clusterOf(metadataOf(topicLedBy(1))), [7], () => ({ answer: 'ok' }))
  brokerError('UNKNOWN_TOPIC_OR_PARTITION')(missing.answers[0])
  const leaderless = await ask(t, clusterOf(metadataOf(topicLedBy(-1)), metadataOf(topicLedBy(3))), [0], (node) => ({
    answer: `${node}`,
  }))
  assert.deepEqual(leaderless.answers, ['3'])
})

test('who waits no longer is told of a leader that is just being made, not of one that is long away', async (t) => {
  const made = clusterOf(metadataOf(topicLedBy(1)))
  const over = () => true
  const soon = await ask(
    t,
    made,
    [0],
    (_n, _p, time) => (time < 3 ? { kafkaCode: 6 } : { answer: 'ok' }),
    undefined,
    over,
  )
  assert.deepEqual(soon.answers, ['ok'])
  const away = clusterOf(metadataOf(topicLedBy(1)))
  const { answers } = await ask(t, away, [0], () => ({ kafkaCode: 6 }), undefined, over)
  brokerError('NOT_LEADER_OR_FOLLOWER')(answers[0])
  assert.ok(away.clock.monotonic() < 1500, `${away.clock.monotonic()} ms`)
})

test('a connection that ends with the server is no trouble of the cluster', async (t) => {
  const cluster = clusterOf(metadataOf(topicLedBy(1)))
  const { answers } = await ask(t, cluster, [0], () => {
    cluster.directory.stop.abort()
    return new NetworkError('Connection closed')
  })
  brokerError('SERVER_STOPPING')(answers[0])
})
