/** A closed-loop load: each connection sends its next request when its last one was answered. */
export interface Load {
  readonly origin: string
  /** Requests go to them in turn. */
  readonly paths: readonly string[]
  readonly connections: number
  /** What is POSTed; GETs without it. */
  readonly body?: { readonly file: string; readonly contentType: string }
}

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
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
