import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { classArchive, kafkaClassPath, kafkaTool, SHORT_LIVED_JAVA, withClassArchive } from './kafka-tools.ts'

const log4j = `<Configuration><Appenders><Console name="out"><PatternLayout pattern="%d{HH:mm:ss,SSS} %p %m (%c{1})%n"/></Console></Appenders><Loggers>
<Root level="WARN"><AppenderRef ref="out"/></Root><Logger name="kafka.server.KafkaRaftServer" level="INFO"/></Loggers></Configuration>
`

/** Any id will do, as long as all nodes of a cluster have the same. */
const CLUSTER_ID = 'cG9zdGhvcm4tZ29sZGVuMQ'

export interface KafkaNodePorts {
  readonly broker: number
  readonly controller: number
}

export interface KafkaNodeOptions {
  /** The node's own: its configuration, data and log. */
  readonly folder: string
  readonly nodeId: number
  /** Of all nodes of the cluster, this one's too, in the order of their ids from 1 on. */
  readonly ports: readonly KafkaNodePorts[]
  /** Kafka's own, `name=value`; they win over those made here. */
  readonly settings: readonly string[]
  /** Small and quick to start where none are given. */
  readonly javaFlags?: readonly string[]
}

/** A process of Apache Kafka itself, broker and controller in one, which keeps its data and ports when it dies. */
export class KafkaNode {
  readonly address: string
  readonly directory: string
  readonly logFile: string
  readonly nodeId: number
  readonly #options: KafkaNodeOptions
  #child: ChildProcess | undefined

  private constructor(options: KafkaNodeOptions) {
    this.#options = options
    this.nodeId = options.nodeId
    this.address = `127.0.0.1:${options.ports[options.nodeId - 1]?.broker}`
    this.directory = join(options.folder, 'kafka-data')
    this.logFile = join(options.folder, 'server.log')
  }

  /** Made ready to be started. */
  static async format(options: KafkaNodeOptions): Promise<KafkaNode> {
    const node = new KafkaNode(options)
    mkdirSync(options.folder, { recursive: true })
    writeFileSync(node.#configuration, [...properties(options, node.directory), ...options.settings].join('\n'))
    writeFileSync(node.#logging, log4j)
    await kafkaTool('kafka.tools.StorageTool', ['format', '-t', CLUSTER_ID, '-c', node.#configuration])
    return node
  }

  get #configuration(): string {
    return join(this.#options.folder, 'server.properties')
  }

  get #logging(): string {
    return join(this.#options.folder, 'log4j2.xml')
  }

  /** Beside the one that it becomes. */
  async #newArchive(): Promise<string> {
    return `${await classArchive()}.${process.pid}-${this.nodeId}`
  }

  /** Small and quick to start. Where there is no archive of classes yet, it leaves one when it is stopped. */
  async #quickFlags(): Promise<readonly string[]> {
    const archive = await withClassArchive()
    const leaving =
      archive.length > 0 ? archive : [`-XX:ArchiveClassesAtExit=${await this.#newArchive()}`, '-Xlog:disable']
    return ['-Xmx512m', ...SHORT_LIVED_JAVA, ...leaving]
  }

  get isUp(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves when it says that it is ready; of several, start all before waiting for any. */
  async start(): Promise<void> {
    const given = this.#options.javaFlags ?? (await this.#quickFlags())
    const flags = [...given, `-Dlog4j2.configurationFile=${this.#logging}`, '-cp', await kafkaClassPath()]
    const child = spawn('java', [...flags, 'kafka.Kafka', this.#configuration], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    const endWithTests = (): unknown => child.kill('SIGKILL')
    process.once('exit', endWithTests)
    child.once('close', () => process.off('exit', endWithTests))
    await this.#ready(child)
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
    const made = await this.#newArchive()
    if (existsSync(made)) renameSync(made, await classArchive())
  }

  /** As a crash would. */
  async kill9(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** It answers nobody, and keeps its connections, as a machine that hangs would. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === undefined || !this.isUp) return
    const ended = once(child, 'close')
    child.kill(signal)
    await ended
  }

  async #ready(child: ChildProcess): Promise<void> {
    const said: string[] = []
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue
      createInterface({ input: stream }).on('line', (line) => {
        appendFileSync(this.logFile, `${line}\n`)
        if (said.length < 200) said.push(line)
        if (line.includes('Kafka Server started')) resolve(undefined)
      })
    }
    child.once('error', reject)
    child.once('close', (code) => reject(new Error(`Kafka ended with ${code}:\n${said.join('\n')}`)))
    await promise
  }
}

function properties({ nodeId, ports }: KafkaNodeOptions, directory: string): string[] {
  const own = ports[nodeId - 1]
  const voters = ports.map(({ controller }, index) => `${index + 1}@127.0.0.1:${controller}`)
  const replicas = ports.length
  const inSync = Math.max(1, replicas - 1)
  return [
    'process.roles=broker,controller',
    `node.id=${nodeId}`,
    `controller.quorum.voters=${voters.join(',')}`,
    `listeners=PLAINTEXT://127.0.0.1:${own?.broker},CONTROLLER://127.0.0.1:${own?.controller}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${own?.broker}`,
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'inter.broker.listener.name=PLAINTEXT',
    `log.dirs=${directory}`,
    `default.replication.factor=${replicas}`,
    `min.insync.replicas=${inSync}`,
    `offsets.topic.replication.factor=${replicas}`,
    `transaction.state.log.replication.factor=${replicas}`,
    `transaction.state.log.min.isr=${inSync}`,
    `share.coordinator.state.topic.replication.factor=${replicas}`,
    `share.coordinator.state.topic.min.isr=${inSync}`,
    'group.initial.rebalance.delay.ms=0',
  ]
}
