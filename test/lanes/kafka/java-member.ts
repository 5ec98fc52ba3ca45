import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { kafkaClassPath, SHORT_LIVED_JAVA, withClassArchive } from '../../support/kafka-tools.ts'
import { cleanUpBehind } from '../../support/temp-directory.ts'
import { repositoryRoot } from '../../tidy/source-files.ts'

export interface JavaMemberOptions {
  readonly bootstrapServers: string
  readonly group: string
  readonly topic: string
  /** Kafka's `group.protocol`: that of KIP-848, or that of before. */
  readonly protocol: 'consumer' | 'classic'
}

/** Kafka's own consumer as a member of a group; it commits what it has read. */
export class JavaMember {
  /** Records, as `partition/offset`. */
  readonly seen: string[] = []
  /** Each time that it was given or lost partitions: `assigned 0,1`. */
  readonly moves: string[] = []
  readonly #child: ChildProcess
  #stderr = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#heard(line))
  }

  /** It ends behind the test. */
  static async start(t: TestContext, { bootstrapServers, group, topic, protocol }: JavaMemberOptions) {
    const program = join(repositoryRoot, 'test/lanes/kafka/GroupMember.java')
    const flags = [...SHORT_LIVED_JAVA, ...(await withClassArchive()), '-cp', await kafkaClassPath()]
    const child = spawn('java', [...flags, program, bootstrapServers, group, topic, protocol])
    cleanUpBehind(t, () => child.kill('SIGKILL'))
    return new JavaMember(child)
  }

  get reads(): boolean {
    assert.equal(this.#child.exitCode, null, this.#stderr)
    return this.seen.length > 0
  }

  async leave(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.stdin?.write('q')
    const [code] = (await closed) as [number | null]
    assert.equal(code, 0, this.#stderr)
  }

  #heard(line: string): void {
    const [what, partition, offset] = line.split(' ')
    if (what === 'record') this.seen.push(`${partition}/${offset}`)
    else this.moves.push(line)
  }
}
