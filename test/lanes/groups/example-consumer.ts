import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { repositoryRoot } from '../../tidy/source-files.ts'

const commands = {
  'consumer.ts': [process.execPath, 'examples/consumer.ts'],
  'consumer.py': ['python3', 'examples/consumer.py'],
} as const

export type ExampleName = keyof typeof commands
export const exampleNames = Object.keys(commands)

/** An example as it is started by hand, with the records that it has printed. */
export class ExampleConsumer {
  readonly seen: string[] = []
  readonly #child: ChildProcess
  #stderr = ''

  constructor(name: ExampleName, url: string, group: string, topic: string) {
    const [program, file] = commands[name]
    this.#child = spawn(program, [file, url, group, topic], { cwd: repositoryRoot, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    const lines = this.#child.stdout
    if (lines)
      createInterface({ input: lines }).on('line', (line) => {
        const { partition, offset } = JSON.parse(line) as { readonly partition: number; readonly offset: number }
        this.seen.push(`${partition}/${offset}`)
      })
  }

  /** It ends by itself: with 0, and without a complaint. */
  async stop(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGTERM')
    const [code] = (await closed) as [number | null]
    assert.equal(code, 0, this.#stderr)
    assert.equal(this.#stderr, '')
  }

  /** Has printed a record, and has not ended. */
  get reads(): boolean {
    assert.equal(this.#child.exitCode, null, this.#stderr)
    return this.seen.length > 0
  }

  kill9(): void {
    this.#child.kill('SIGKILL')
  }
}
