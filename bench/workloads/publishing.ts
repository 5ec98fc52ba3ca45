import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { VALUE_BYTES, writeJsonBodies } from '../bodies.ts'
import type { Load } from '../load/load.ts'
import type { PartContext } from '../part.ts'
import { type Burst, figures } from '../measure/interleave.ts'
import type { Ratio } from '../measure/statistics.ts'
import type { Row } from '../row.ts'

/** As many clients as the table of goals says. */
export const CONNECTIONS = 32

export function freshDirectory(context: PartContext, name: string): string {
  const directory = join(context.folder, name)
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory)
  return directory
}

/** Publishing so many records a request as JSON to these topics in turn, with keys that differ from request to request. */
export function jsonLoad(
  context: PartContext,
  origin: string,
  recordCount: number,
  topics: readonly string[],
  query = '',
): Load {
  const bodies = writeJsonBodies(context.folder, recordCount)
  return { origin, paths: topics.map((topic) => `/topics/${topic}/records${query}`), connections: CONNECTIONS, bodies }
}

export async function createTopic(origin: string, topic: string, partitions: number): Promise<void> {
  const response = await fetch(`${origin}/topics/${topic}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ partitions }),
  })
  if (!response.ok) throw new Error(`the server refused to create ${topic}: ${await response.text()}`)
  await response.arrayBuffer()
}

export function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index}`)
}

export interface PublishRow {
  readonly work: string
  readonly partitions?: number
  readonly recordsPerRequest: number
  /** Of a record's value, on average, where it is not that of the usual bodies. */
  readonly valueBytes?: number
  readonly bursts: readonly Burst[]
  readonly ratio?: Ratio | undefined
}

export function publishRow(published: PublishRow): Row {
  const { work, partitions, recordsPerRequest, valueBytes = VALUE_BYTES, bursts, ratio } = published
  const columns = figures(bursts)
  const recordsPerSecond = (columns.requestsPerSecond ?? 0) * recordsPerRequest
  return {
    work,
    partitions,
    ...columns,
    recordsPerSecond,
    megabytesPerSecond: (recordsPerSecond * valueBytes) / 1e6,
    ratio,
  }
}
