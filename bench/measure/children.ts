import { spawn, type ChildProcess } from 'node:child_process'

const KEPT_OUTPUT_CHARS = 64 * 1024
const SHOWN_OUTPUT_CHARS = 4096

export interface ChildEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process that the benchmark started, with the last of what it said. */
export class Child {
  readonly name: string
  readonly ended: Promise<ChildEnd>
  readonly #process: ChildProcess
  #stdout = ''
  #stderr = ''
  #ending: ChildEnd | undefined
  #signalled = false

  constructor(name: string, child: ChildProcess) {
    this.name = name
    this.#process = child
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-KEPT_OUTPUT_CHARS)
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_OUTPUT_CHARS)
    })
    this.ended = this.#watchEnd()
  }

  get pid(): number {
    return this.#process.pid ?? -1
  }

  get stdout(): string {
    return this.#stdout
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined
  }

  /** It ended, and nobody here asked it to. */
  get diedAlone(): boolean {
    return this.#ending !== undefined && !this.#signalled
  }

  onStdout(listener: () => void): void {
    this.#process.stdout?.on('data', listener)
  }

  /** To its standard input. */
  write(text: string): void {
    this.#process.stdin?.write(text)
  }

  signal(signal: NodeJS.Signals): void {
    this.#signalled = true
    this.#process.kill(signal)
  }

  /** An error that shows the last that the process said. */
  endError(): Error {
    const end = this.#ending
    const how = end === undefined ? 'did not do what it should' : `ended with ${end.signal ?? end.code}`
    return new Error(
      `${this.name} ${how}; it said:\n${this.#stdout.slice(-SHOWN_OUTPUT_CHARS)}${this.#stderr.slice(-SHOWN_OUTPUT_CHARS)}`,
    )
  }

  #watchEnd(): Promise<ChildEnd> {
    const { promise, resolve } = Promise.withResolvers<ChildEnd>()
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      this.#ending ??= { code, signal }
      resolve(this.#ending)
    }
    this.#process.once('close', end)
    this.#process.once('error', (error) => {
      this.#stderr += `${error.message}\n`
      end(null, null)
    })
    return promise
  }
}

/** All processes that the benchmark started: none outlives it, also not when it is interrupted. */
export class Children {
  readonly #alive = new Set<Child>()

  start(name: string, command: readonly string[], options: { readonly cwd?: string } = {}): Child {
    return this.#add(name, command, options, 'ignore')
  }

  /** As `start`, with a standard input that can be written to. */
  startWithInput(name: string, command: readonly string[]): Child {
    return this.#add(name, command, {}, 'pipe')
  }

  /** Runs a command to its end and returns what it wrote to its standard output. */
  async run(name: string, command: readonly string[]): Promise<string> {
    const child = this.start(name, command)
    const { code } = await child.ended
    if (code !== 0) throw child.endError()
    return child.stdout
  }

  #add(name: string, command: readonly string[], options: { readonly cwd?: string }, stdin: 'ignore' | 'pipe'): Child {
    const [program = '', ...args] = command
    const child = new Child(name, spawn(program, args, { ...options, stdio: [stdin, 'pipe', 'pipe'] }))
    this.#alive.add(child)
    void child.ended.then(() => this.#alive.delete(child))
    return child
  }

  /** At once, as a crash would; what they hold on disk is the caller's to remove. */
  killAll(): void {
    for (const child of this.#alive) child.signal('SIGKILL')
  }
}
