import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { kafkaClassPath, kafkaTool } from './kafka-tools.ts'
import { cleanUpBehind, tempDirectory } from './temp-directory.ts'

/** A real Kafka broker, alone, with data of its own; it ends behind the test. */
export interface KafkaBroker {
  readonly bootstrap: string
  /** Its one log directory. */
  readonly logDir: string
}

/** @param settings lines of server.properties, besides those that make one node */
export async function startKafkaBroker(t: TestContext, settings: readonly string[]): Promise<KafkaBroker> {
  const directory = tempDirectory(t)
  const logDir = join(directory, 'data')
  mkdirSync(logDir)
  const [port, controllerPort] = await Promise.all([freePort(), freePort()])
  const properties = join(directory, 'server.properties')
  writeFileSync(properties, [...oneNode(port, controllerPort), `log.dirs=${logDir}`, ...settings].join('\n'))
  const logging = join(directory, 'log4j2.properties')
  writeFileSync(logging, loggingProperties)
  const clusterId = (await kafkaTool('kafka.tools.StorageTool', ['random-uuid'])).trim().split('\n').at(-1) ?? ''
  await kafkaTool('kafka.tools.StorageTool', ['format', '-t', clusterId, '-c', properties])
  const options = ['-Xmx512m', `-Dlog4j2.configurationFile=${logging}`, '-cp', await kafkaClassPath()]
  const child = spawn('java', [...options, 'kafka.Kafka', properties], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  cleanUpBehind(t, async () => {
    child.kill('SIGKILL')
    await ended
  })
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (line.includes('Kafka Server started')) break
  }
  child.stdout.resume()
  if (child.exitCode !== null) throw new Error(`the broker did not start:\n${lines.join('\n')}`)
  return { bootstrap: `127.0.0.1:${port}`, logDir }
}

function oneNode(port: number, controllerPort: number): string[] {
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'inter.broker.listener.name=PLAINTEXT',
    'offsets.topic.replication.factor=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.replication.factor=1',
  ]
}

const loggingProperties = `
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%m%n
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=INFO
`

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
