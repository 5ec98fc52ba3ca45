import { sum } from './statistics.ts'

/** The parts of V8's .cpuprofile that are used here; times are microseconds of the monotonic clock. */
export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[]
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

export interface ProfileLine {
  /** Of the time that the thread was not idle. */
  readonly percent: number
  readonly place: string
}

/** Where a thread's time went from a moment on, by the function it was in itself, most first; idle time is left out. */
export function topLines(profile: CpuProfile, fromUs: number, count: number): ProfileLine[] {
  const places = new Map(profile.nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]))
  const selfUs = new Map<string, number>()
  let atUs = profile.startTime
  profile.samples.forEach((id, index) => {
    const deltaUs = profile.timeDeltas[index] ?? 0
    atUs += deltaUs
    const place = places.get(id) ?? '(unknown)'
    if (atUs >= fromUs && place !== '(idle)') selfUs.set(place, (selfUs.get(place) ?? 0) + deltaUs)
  })
  const totalUs = sum([...selfUs.values()])
  return [...selfUs]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([place, us]) => ({ percent: (us / totalUs) * 100, place }))
}

export function renderLines(lines: readonly ProfileLine[]): string {
  return lines.map(({ percent, place }) => `${percent.toFixed(1).padStart(5)} %  ${place}`).join('\n')
}

/** Two folders are enough to know a file by; the engine's own work has no file. */
function placeOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  if (url === '') return name
  return `${name} ${url.split('/').slice(-3).join('/')}:${lineNumber + 1}`
}
