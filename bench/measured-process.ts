import { readFileSync } from 'node:fs'
import { ServerProcess } from '../test/support/server-process.ts'
import { repositoryRoot } from '../test/tidy/source-files.ts'

const CLOCK_TICKS_PER_SECOND = 100

/** A server under measurement, started with the README's command. */
export async function startPosthorn(dataDirectory: string, settings: readonly string[] = []): Promise<ServerProcess> {
  return await ServerProcess.start({
    settings: [`log.dirs=${dataDirectory}`, 'listeners=http://127.0.0.1:0', ...settings],
  })
}

export async function startBaseline(replyFile: string): Promise<ServerProcess> {
  return await ServerProcess.start({
    command: [process.execPath, 'bench/no-op-server.ts', replyFile],
    cwd: repositoryRoot,
  })
}

/** Resident memory, MiB. */
export function residentMiB(pid: number): number {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
  return (pages * 4096) / 1024 / 1024
}

/** CPU time used so far, seconds. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
}
