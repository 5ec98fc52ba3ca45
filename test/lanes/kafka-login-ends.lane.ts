import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startGateway } from '../support/gateway.ts'
import { missingForKafkaTools } from '../support/kafka-tools.ts'
import { startSecuredKafkaNode } from '../support/secured-kafka-node.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'

/** A cluster that wants to be told anew who is there, again and again (`connections.max.reauth.ms`). */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)

const SESSION_MS = 1500
const SESSIONS = 5

interface Answer {
  readonly status: number
  readonly detail?: string
}

test(
  'a login that ends is made again, and no request meets that',
  { skip: missing ?? false, timeout: 90_000 },
  async (t) => {
    const kafka = await startSecuredKafkaNode(tempDirectory(t), [`connections.max.reauth.ms=${SESSION_MS}`])
    cleanUpBehind(t, () => kafka.node.stop())
    for (const [mechanism, user] of [
      ['PLAIN', 'admin'],
      ['SCRAM-SHA-256', 'bob'],
    ] as const) {
      const gateway = await startGateway(t, kafka.saslPlaintext, [
        'security.protocol=SASL_PLAINTEXT',
        `sasl.mechanism=${mechanism}`,
        `sasl.jaas.config=x.LoginModule required username="${user}" password="${user} secret";`,
      ])
      const topic = `of-${user}`
      await gateway.ask(`/topics/${topic}`, 'PUT', { partitions: 4 })
      const refused: Answer[] = []
      let answered = 0
      const over = new AbortController()
      const asking = async (path: string, body?: object, headers: Record<string, string> = {}): Promise<void> => {
        const given = { 'content-type': 'application/json', ...headers }
        const sent = body === undefined ? {} : { method: 'POST', headers: given, body: JSON.stringify(body) }
        const response = await fetch(`${gateway.url}${path}`, sent)
        const answer = { ...((await response.json()) as object), status: response.status }
        if (response.ok) answered++
        else refused.push(answer)
      }
      const repeatedly = async (ask: (turn: number) => Promise<void>): Promise<void> => {
        for (let turn = 0; !over.signal.aborted; turn++) await ask(turn)
      }
      const records = { records: [{ value: 'x' }] }
      const path = `/topics/${topic}/records`
      const clients = ['', '?acks=1', '', '?acks=1', '?acks=0'].map((acks) =>
        repeatedly(() => asking(path + acks, records)),
      )
      clients.push(
        repeatedly((turn) => asking(path, records, { 'idempotency-key': `${turn}` })),
        repeatedly(() => asking(`${path}?waitMs=500`)),
        repeatedly(() => asking(`/topics/${topic}/partitions/0/records?offset=0`)),
        repeatedly(() => asking(`/topics/${topic}`)),
      )
      await sleep(SESSIONS * SESSION_MS)
      over.abort()
      await Promise.all(clients)
      assert.deepEqual(refused.slice(0, 3), [], `${refused.length} of ${answered + refused.length} with ${mechanism}`)
      t.diagnostic(`${mechanism}: ${answered} requests over ${SESSIONS} logins`)
    }
  },
)
