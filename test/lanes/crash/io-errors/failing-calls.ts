import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface FailingCalls {
  /** Of the kernel, with commas between. */
  readonly calls: string
  readonly error: 'EIO' | 'ENOSPC'
  /** Only calls on these files. */
  readonly paths: readonly string[]
}

/** Why calls cannot be made to fail here; undefined where they can. */
export function missingForFailingCalls(): string | undefined {
  if (process.platform !== 'linux') return 'strace needs Linux'
  if (spawnSync('strace', ['-qq', '-e', 'trace=none', 'true']).status === 0) return undefined
  return 'strace is not installed, or may not trace (apt-get install strace; run as root)'
}

/** Makes all such system calls of a running process fail, until what it returns is called. */
export async function failCalls(pid: number, { calls, error, paths }: FailingCalls): Promise<() => Promise<void>> {
  const filter = ['-e', `trace=${calls}`, '-e', `inject=${calls}:error=${error}`]
  for (const path of paths) filter.push('-P', path)
  const tracer = spawn('strace', ['-f', '-p', String(pid), ...filter, '-o', '/dev/null'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(tracer, 'close')
  const output: string[] = []
  const lines = createInterface({ input: tracer.stderr })
  const attached = new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      output.push(line)
      if (line.includes('attached')) resolve()
    })
    tracer.once('close', () => reject(new Error(`strace ended: ${output.join('\n')}`)))
  })
  await attached
  return async () => {
    tracer.kill('SIGINT')
    await ended
  }
}
