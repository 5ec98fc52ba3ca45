import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { MemberProcessOptions } from './member-process.ts'

const program = fileURLToPath(new URL('./member-process.ts', import.meta.url))

/** A member process, and what can happen to one. */
export class MemberHandle {
  readonly memberId: string
  readonly instanceId: string | undefined
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  #stderr = ''

  constructor(options: MemberProcessOptions) {
    this.memberId = options.memberId
    this.instanceId = options.instanceId
    this.#child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['pipe', 'ignore', 'pipe'] })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    this.#ended = once(this.#child, 'close')
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  get stderr(): string {
    return this.#stderr
  }

  misbehave(how: 'stall' | 'hang'): void {
    this.#child.stdin?.write(`${how}\n`)
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal)
  }

  async kill9(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  /** Lets it commit and leave; resolves with its exit code. */
  async leave(): Promise<number | null> {
    this.#child.kill('SIGTERM')
    await this.#ended
    return this.#child.exitCode
  }
}
