import type { BodySet } from '../bodies.ts'

/** A closed-loop load: each connection sends its next request when its last one was answered. */
export interface Load {
  readonly origin: string
  /** Requests go to them in turn. */
  readonly paths: readonly string[]
  readonly connections: number
  /** What is POSTed, in turn; GETs without it. */
  readonly bodies?: BodySet
  /** How requests are known again when they are sent again. Then each connection counts its own requests. */
  readonly identity?: RequestIdentity
}

/**
 * `sequence`: each connection is a producer that counts its requests; `key`: each request has a key of its own; `none`: sent
 * as the others are, with a header that means nothing, to compare them with.
 */
export type RequestIdentity = 'sequence' | 'key' | 'none'

/** A request of a load. */
export interface LoadRequest {
  readonly path: string
  /** The file with its body; GETs have none. */
  readonly file: string | undefined
}

/** The requests that are sent in turn: every path, every body, each path with several bodies if there are more of those. */
export function requestsOf({ paths, bodies }: Load): LoadRequest[] {
  const files = bodies?.files ?? []
  return Array.from({ length: Math.max(paths.length, files.length) }, (_, index) => ({
    path: paths[index % paths.length] ?? '/',
    file: files[index % files.length],
  }))
}

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  /** Of requests; undefined where there is none but the stream itself. */
  readonly p50Ms: number | undefined
  readonly p99Ms: number | undefined
  /** Failed or refused requests: a row with any is not a figure. */
  readonly errors: number
  /** Of the replies, heads included. */
  readonly bytes: number
  /** undefined where the system does not tell. */
  readonly generatorCpuSeconds: number | undefined
}

export interface LoadGenerator {
  readonly name: string
  run(load: Load, seconds: number): Promise<LoadResult>
}
