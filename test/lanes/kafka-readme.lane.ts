import { test } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import { startKafkaCluster } from '../support/kafka-cluster.ts'
import { missingForKafkaTools } from '../support/kafka-tools.ts'
import { readmeCommands, runReadmeCommand } from './readme/readme-commands.ts'

/** Nothing that a client sends has to change: what the README shows works in front of Apache Kafka as well. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)

test('every curl command of the README', { skip: missing ?? false, timeout: 180_000 }, async (t) => {
  const cluster = await startKafkaCluster(t, { nodeCount: 1 })
  const gateway = await startGateway(t, cluster.bootstrapServers)
  const port = Number(new URL(gateway.url).port)
  const commands = (await readmeCommands()).filter((command) => command.includes('http://127.0.0.1:8082/'))
  for (const command of commands) await runReadmeCommand(t, command, port)
})
