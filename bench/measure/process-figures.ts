import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** Ticks of /proc, which are hundredths of a second on every Linux of today whatever the kernel's own timer is. */
const CLOCK_TICKS_PER_SECOND = 100

export interface CpuSeconds {
  readonly allThreads: number
  readonly mainThread: number
}

/** CPU time a process has used so far; undefined where there is no /proc. */
export function cpuSeconds(pid: number): CpuSeconds | undefined {
  const all = statOf(`/proc/${pid}/stat`)
  const main = statOf(`/proc/${pid}/task/${pid}/stat`)
  if (all === undefined || main === undefined) return undefined
  return { allThreads: ticks(all, 'own'), mainThread: ticks(main, 'own') }
}

/** CPU time of all threads that are there now, to the microsecond; undefined where there is no /proc. */
export function exactCpuMs(pid: number): number | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    const onCpuNs = threads.map((id) => Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]))
    return onCpuNs.reduce((sum, ns) => sum + ns, 0) / 1e6
  } catch {
    return undefined
  }
}

/** CPU time of those children of this process that have ended; undefined where there is no /proc. */
export function endedChildrenCpuSeconds(): number | undefined {
  const stat = statOf('/proc/self/stat')
  return stat === undefined ? undefined : ticks(stat, 'children')
}

/** Resident memory now, MiB. */
export function residentMiB(pid: number): number | undefined {
  return statusMiB(pid, 'VmRSS')
}

/** The most resident memory since the start or the last forgetPeak, MiB. */
export function peakResidentMiB(pid: number): number | undefined {
  return statusMiB(pid, 'VmHWM')
}

/** From here on the peak counts anew. Where the system does not allow that, it goes on counting from the start. */
export function forgetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    return
  }
}

/** Fields 12 and 13 behind the name are user and system time, 14 and 15 those of children that were waited for. */
export function ticks(stat: string, whose: 'own' | 'children'): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const first = whose === 'own' ? 11 : 13
  return (Number(fields[first]) + Number(fields[first + 1])) / CLOCK_TICKS_PER_SECOND
}

function statusMiB(pid: number, field: string): number | undefined {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(statOf(`/proc/${pid}/status`) ?? '')?.[1]
  return kibibytes === undefined ? undefined : Number(kibibytes) / 1024
}

function statOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
