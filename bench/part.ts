import type { LoadGenerator } from './load/load.ts'
import type { Children } from './measure/children.ts'
import type { Servers } from './measure/servers.ts'
import type { BenchOptions } from './options.ts'
import type { Row } from './row.ts'

/** What a part of the benchmark works with. */
export interface PartContext {
  readonly options: BenchOptions
  /** For files that the part makes; removed with all that is in it at the end. */
  readonly folder: string
  readonly children: Children
  readonly servers: Servers
  readonly generator: LoadGenerator
  /** A line for the reader who waits. */
  readonly progress: (text: string) => void
}

/** A part gives its rows as they come, so that those before a failure are not lost. */
export interface Part {
  readonly name: string
  readonly about: string
  readonly run: (context: PartContext) => AsyncGenerator<Row>
}
