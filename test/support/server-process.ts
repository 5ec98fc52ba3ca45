import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { repositoryRoot } from '../tidy/source-files.ts'

export interface ServerProcessOptions {
  /** Defaults to the README's command. */
  readonly command?: readonly string[]
  readonly cwd?: string
  /** `name=value` settings, given as `--set`. */
  readonly settings?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

/** The server as a child process in a group of its own, so that a kill reaches npm's child too. */
export class ServerProcess {
  readonly url: string
  readonly output: string[]
  /** Of the server itself: `npm` may stand before it. */
  readonly pid: number
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, ready: ReadyLine, output: string[]) {
    this.#child = child
    this.url = ready.url
    this.pid = ready.pid ?? child.pid ?? -1
    this.output = output
  }

  /** Resolves when the server says that it is ready; rejects with its output if it ends before. */
  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const [program, ...given] = options.command ?? ['npm', 'start', '--silent', '--']
    const settings = (options.settings ?? []).flatMap((setting) => ['--set', setting])
    const child = spawn(program ?? 'npm', [...given, ...settings], {
      cwd: options.cwd ?? repositoryRoot,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const output: string[] = []
    return new ServerProcess(child, await readyLine(child, output), output)
  }

  /** Kills the whole group at once, as a crash would, and waits until it is gone. */
  async kill9(): Promise<void> {
    await this.#end(() => process.kill(-(this.#child.pid ?? 0), 'SIGKILL'))
  }

  /** Asks it to stop; resolves with the exit code. */
  async stop(): Promise<number | null> {
    return await this.#end(() => process.kill(this.pid, 'SIGTERM'))
  }

  async #end(kill: () => void): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode
    const ended = once(this.#child, 'close')
    kill()
    await ended
    return this.#child.exitCode
  }
}

interface ReadyLine {
  readonly url: string
  /** Not in a line that is no JSON. */
  readonly pid: number | undefined
}

async function readyLine(child: ChildProcess, output: string[]): Promise<ReadyLine> {
  const ready = Promise.withResolvers<ReadyLine>()
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue
    createInterface({ input: stream }).on('line', (line) => {
      output.push(line)
      const url = /Posthorn is ready at (http:\/\/[^\s"]+)/.exec(line)?.[1]
      const pid = /"pid":(\d+)/.exec(line)?.[1]
      if (url) ready.resolve({ url, pid: pid === undefined ? undefined : Number(pid) })
    })
  }
  child.once('error', ready.reject)
  child.once('close', (code) => ready.reject(new Error(`the server ended with ${code}:\n${output.join('\n')}`)))
  return ready.promise
}
