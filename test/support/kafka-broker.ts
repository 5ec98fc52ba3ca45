import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { kafkaClassPath, kafkaTool } from './kafka-tools.ts'
import { cleanUpBehind, tempDirectory } from './temp-directory.ts'

const log4j = `<Configuration><Appenders><Console name="out"><PatternLayout pattern="%m%n"/></Console></Appenders><Loggers>
<Root level="WARN"><AppenderRef ref="out"/></Root><Logger name="kafka.server.KafkaRaftServer" level="INFO"/></Loggers></Configuration>
`

/** One node of Apache Kafka itself, broker and controller in one. */
export class KafkaBroker {
  readonly address: string
  readonly directory: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, address: string, directory: string) {
    this.#child = child
    this.address = address
    this.directory = directory
  }

  /** Takes `port` and the one behind it; `settings` are Kafka's own. Resolves when it says that it is ready. */
  static async start(folder: string, port: number, settings: readonly string[] = []): Promise<KafkaBroker> {
    const address = `127.0.0.1:${port}`
    const directory = join(folder, 'kafka-data')
    mkdirSync(folder, { recursive: true })
    const configuration = join(folder, 'server.properties')
    writeFileSync(configuration, [...properties(address, port + 1, directory), ...settings].join('\n'))
    const logging = join(folder, 'log4j2.xml')
    writeFileSync(logging, log4j)
    await kafkaTool('kafka.tools.StorageTool', ['format', '-t', 'cG9zdGhvcm4tZ29sZGVuMQ', '-c', configuration])
    const flags = ['-Xmx512m', `-Dlog4j2.configurationFile=${logging}`, '-cp', await kafkaClassPath()]
    const child = spawn('java', [...flags, 'kafka.Kafka', configuration], { stdio: ['ignore', 'pipe', 'inherit'] })
    await ready(child)
    return new KafkaBroker(child, address, directory)
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'close')
    this.#child.kill('SIGTERM')
    await ended
  }
}

/** One with data of its own, on ports that are free; it ends behind the test. */
export async function startKafkaBroker(t: TestContext, settings: readonly string[]): Promise<KafkaBroker> {
  const folder = tempDirectory(t)
  const broker = await KafkaBroker.start(folder, await freePortPair(), settings)
  cleanUpBehind(t, () => broker.stop())
  return broker
}

/** The first of two neighbours that nobody listens on. */
async function freePortPair(): Promise<number> {
  for (;;) {
    const port = await listenBriefly(0)
    if (port < 65_535 && (await listenBriefly(port + 1).catch(() => 0)) > 0) return port
  }
}

async function listenBriefly(wanted: number): Promise<number> {
  const server = createServer().listen(wanted, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

function properties(address: string, controllerPort: number, directory: string): string[] {
  const controller = `127.0.0.1:${controllerPort}`
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@${controller}`,
    `listeners=PLAINTEXT://${address},CONTROLLER://${controller}`,
    `advertised.listeners=PLAINTEXT://${address}`,
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'inter.broker.listener.name=PLAINTEXT',
    `log.dirs=${directory}`,
    'offsets.topic.replication.factor=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.replication.factor=1',
  ]
}

async function ready(child: ChildProcess): Promise<void> {
  const said: string[] = []
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (said.length < 200) said.push(line)
      if (line.includes('Kafka Server started')) resolve(undefined)
    })
  }
  child.once('error', reject)
  child.once('close', (code) => reject(new Error(`Kafka ended with ${code}:\n${said.join('\n')}`)))
  await promise
}
