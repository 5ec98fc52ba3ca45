import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { createServer } from 'node:net'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ServerProcess } from '../../support/server-process.ts'
import { repositoryRoot } from '../../tidy/source-files.ts'

/** As `npm start` starts it, without npm's own time. */
const COMMAND = [
  '--max-semi-space-size=8',
  '--heap-growing-percent=60',
  '--import',
  './src/compile-cache.js',
  'src/main.ts',
]

/** Planted for one start. */
export interface Faults {
  /** In front of Node: `strace` and its options. */
  readonly tracer?: readonly string[]
  /** Options of Node: `--import` and a module. */
  readonly fault?: readonly string[]
}

/** A server that is killed and started again, always at one address. */
export class CrashServer {
  readonly url: string
  /** Milliseconds from each start to its being ready. */
  readonly startsMs: number[] = []
  readonly #settings: readonly string[]
  #server: ServerProcess | undefined

  private constructor(port: number, settings: readonly string[]) {
    this.url = `http://127.0.0.1:${port}`
    this.#settings = [`listeners=${this.url}`, ...settings]
  }

  static async on(logDirs: readonly string[], settings: readonly string[]): Promise<CrashServer> {
    return new CrashServer(await freePort(), [`log.dirs=${logDirs.join(',')}`, ...settings])
  }

  get output(): readonly string[] {
    return this.#server?.output ?? []
  }

  /** Of the server that was started last. */
  get pid(): number {
    return this.#server?.pid ?? -1
  }

  /**
   * Starts and stops one over another directory. Node keeps compiled code for the next start only where a process ends by
   * itself, which those here never do.
   */
  async warmUp(directory: string): Promise<void> {
    const settings = [`log.dirs=${directory}`, 'port=0']
    const server = await ServerProcess.start({ command: [process.execPath, ...COMMAND], settings })
    await server.stop()
  }

  async start({ tracer = [], fault = [] }: Faults = {}): Promise<void> {
    const from = performance.now()
    this.#server = await ServerProcess.start({
      command: [...tracer, process.execPath, ...fault, ...COMMAND],
      settings: this.#settings,
    })
    this.startsMs.push(performance.now() - from)
  }

  async kill9(): Promise<void> {
    await this.#server?.kill9()
  }

  /** Resolves with its exit code. */
  async stop(): Promise<number | null | undefined> {
    return this.#server?.stop()
  }

  /** Starts it and kills it in the middle of its start, or behind it. */
  async killWhileStarting(afterMs: number): Promise<void> {
    const settings = this.#settings.flatMap((setting) => ['--set', setting])
    const child = spawn(process.execPath, [...COMMAND, ...settings], {
      cwd: repositoryRoot,
      stdio: 'ignore',
      detached: true,
    })
    const ended = once(child, 'close')
    await Promise.race([sleep(afterMs), ended])
    if (child.exitCode === null) process.kill(-(child.pid ?? 0), 'SIGKILL')
    await ended
  }
}

/** Each lane has a thousand ports of its own: the port of a server that is down for a moment is taken by nobody. */
const PORTS_A_LANE = 1000
const FIRST_PORT = 20_000

function firstPortOfLane(): number {
  const lanes = globSync('test/lanes/crash-*.lane.ts', { cwd: repositoryRoot }).toSorted()
  const own = lanes.findIndex((file) => basename(file) === basename(process.argv[1] ?? ''))
  return FIRST_PORT + (own + 1) * PORTS_A_LANE
}

/** Below the ports that connections get: a client that calls a port nobody listens on must not meet itself there. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = firstPortOfLane() + Math.floor(Math.random() * PORTS_A_LANE)
    const server = createServer()
    const listening = once(server, 'listening')
    server.listen(port, '127.0.0.1')
    const isFree = await listening.then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
