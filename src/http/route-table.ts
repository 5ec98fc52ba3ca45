import { nearMiss } from '../broker/near-miss.ts'

interface Path {
  readonly template: string
  readonly segments: readonly string[]
  readonly methods: Set<string>
}

/** Which paths there are and which methods each takes: tells an unknown path from a wrong method. */
export class RouteTable {
  readonly #paths = new Map<string, Path>()

  add(template: string, methods: string | readonly string[]): void {
    let path = this.#paths.get(template)
    if (path === undefined) {
      path = { template, segments: template.split('/').slice(1), methods: new Set() }
      this.#paths.set(template, path)
    }
    for (const method of typeof methods === 'string' ? [methods] : methods) path.methods.add(method)
  }

  /** Methods of the paths that match; empty if none does. */
  methodsOf(path: string): string[] {
    const segments = path.split('/').slice(1)
    const methods = new Set<string>()
    for (const known of this.#paths.values()) {
      if (matches(known.segments, segments)) for (const method of known.methods) methods.add(method)
    }
    return [...methods].sort()
  }

  /** The path that was probably meant. */
  nearest(path: string): string | undefined {
    const segments = path.split('/').slice(1)
    const candidates = [...this.#paths.values()]
      .filter((known) => known.segments.length === segments.length && !known.template.includes('*'))
      .map((known) => `/${known.segments.map((part, at) => (isParameter(part) ? segments[at] : part)).join('/')}`)
    const trimmed = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : undefined
    if (trimmed !== undefined && this.methodsOf(trimmed).length > 0) return trimmed
    return nearMiss(path, candidates)
  }
}

function matches(template: readonly string[], segments: readonly string[]): boolean {
  const wild = template.at(-1) === '*'
  if (wild ? segments.length < template.length : segments.length !== template.length) return false
  return template.every((part, at) => part === '*' || (isParameter(part) ? segments[at] !== '' : part === segments[at]))
}

function isParameter(part: string): boolean {
  return part.startsWith(':')
}
