import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Children } from '../measure/children.ts'
import { endedChildrenCpuSeconds } from '../measure/process-figures.ts'
import { type Load, type LoadGenerator, type LoadRequest, type LoadResult, requestsOf } from './load.ts'

/**
 * One thread of wrk: with the server's own threads there are no more cores to give on a small machine. Where connections
 * are told apart each has a thread, which is how wrk tells them apart.
 */
export class Wrk implements LoadGenerator {
  readonly name: string
  readonly #children: Children
  readonly #folder: string
  #files = 0
  #runs = 0

  private constructor(name: string, children: Children, folder: string) {
    this.name = name
    this.#children = children
    this.#folder = folder
  }

  /** @returns undefined where wrk is not installed */
  static async find(children: Children, folder: string): Promise<Wrk | undefined> {
    const child = children.start('wrk', ['wrk', '-v'])
    await child.ended
    const version = /^wrk \S+/.exec(child.stdout)?.[0]
    return version === undefined ? undefined : new Wrk(version, children, folder)
  }

  async run(load: Load, seconds: number): Promise<LoadResult> {
    const cpuBefore = endedChildrenCpuSeconds()
    const output = await this.#children.run('wrk', this.#command(load, seconds))
    const cpuAfter = endedChildrenCpuSeconds()
    const generatorCpuSeconds = cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore
    return { ...parseWrk(output), generatorCpuSeconds }
  }

  #command(load: Load, seconds: number): string[] {
    const { origin, connections, bodies, identity } = load
    const threads = identity === undefined ? 1 : connections
    const script = fileURLToPath(new URL('./requests.lua', import.meta.url))
    const flags = [
      '-t',
      String(threads),
      '-c',
      String(connections),
      '-d',
      `${seconds}s`,
      '--timeout',
      '20s',
      '-s',
      script,
    ]
    const requestsFile = join(this.#folder, `requests-${++this.#files}`)
    writeFileSync(requestsFile, requestLines(requestsOf(load)))
    const identities = identity === undefined ? [] : [identity, `wrk-${process.pid}-${++this.#runs}`]
    return ['wrk', ...flags, origin, '--', requestsFile, bodies?.contentType ?? '', ...identities]
  }
}

/** A line a request, as the script reads them: the path, and behind a tab the file with the body. */
export function requestLines(requests: readonly LoadRequest[]): string {
  return requests.map(({ path, file }) => `${file === undefined ? path : `${path}\t${file}`}\n`).join('')
}

/** Reads the line that the scripts print at their end. */
export function parseWrk(output: string): Omit<LoadResult, 'generatorCpuSeconds'> {
  const numbers = /^RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(output)?.slice(1).map(Number)
  if (!numbers) throw new Error(`wrk said:\n${output}`)
  const [requests = 0, durationUs = 1, p50Us = 0, p99Us = 0, errors = 0, bytes = 0] = numbers
  return { requests, seconds: durationUs / 1e6, p50Ms: p50Us / 1000, p99Ms: p99Us / 1000, errors, bytes }
}
