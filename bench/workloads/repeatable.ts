import { atLeastRatio, judged } from '../goals.ts'
import type { Load, RequestIdentity } from '../load/load.ts'
import { interleave, ratioOfRates } from '../measure/interleave.ts'
import type { MeasuredServer } from '../measure/servers.ts'
import type { Part, PartContext } from '../part.ts'
import type { Row } from '../row.ts'
import { CONNECTIONS, createTopic, freshDirectory, jsonLoad, publishRow } from './publishing.ts'

export const PARTITIONS = 6
/** What being known again may cost of the rate. */
const goal = atLeastRatio(0.9)
/** The keys of all bursts are remembered at once: room for them. */
const settings = ['producer.state.max.bytes=1073741824']

const titles: Readonly<Record<RequestIdentity, string>> = {
  none: 'plain',
  sequence: 'Producer-Sequence',
  key: 'Idempotency-Key',
}

export const repeatablePart: Part = {
  name: 'repeatable',
  about: 'requests that can be sent again, by Producer-Sequence and by Idempotency-Key, against plain ones',
  async *run(context) {
    for (const recordCount of context.options.quick ? [100] : [1, 100, 1000])
      yield* await againstPlain(recordCount, context)
  },
}

async function againstPlain(recordsPerRequest: number, context: PartContext): Promise<Row[]> {
  context.progress(`${recordsPerRequest} a request: plain, by sequence, by key`)
  const server = await context.servers.posthorn(
    `repeatable ${recordsPerRequest}`,
    freshDirectory(context, 'data'),
    settings,
  )
  await createTopic(server.url, 'bench', PARTITIONS)
  const rows = await identityRows({ server, recordsPerRequest, connections: CONNECTIONS }, context)
  await server.stop()
  const [plain, ...others] = rows
  return plain === undefined ? [] : [plain, ...others.map((row) => judged(row, goal))]
}

export interface IdentityLoad {
  readonly server: MeasuredServer
  readonly recordsPerRequest: number
  readonly connections: number
}

/**
 * Plain requests to the topic `bench`, then those by sequence and by key against them. All are sent by as many threads of
 * the generator, one a connection, so that only the server's work differs.
 */
export async function identityRows(
  { server, recordsPerRequest, connections }: IdentityLoad,
  context: PartContext,
): Promise<Row[]> {
  const load = { ...jsonLoad(context, server.url, recordsPerRequest, ['bench']), connections }
  const identities = ['none', 'sequence', 'key'] as const
  const loads = identities.map((identity): Load => ({ ...load, identity }))
  const bursts = await interleave(
    loads.map((one) => ({ server, load: one })),
    context,
  )
  return identities.map((identity, index) => {
    const own = bursts[index] ?? []
    const work = `${recordsPerRequest}/request, ${titles[identity]}`
    const row = { work, partitions: PARTITIONS, recordsPerRequest, bursts: own }
    return publishRow(identity === 'none' ? row : { ...row, ratio: ratioOfRates(own, bursts[0] ?? [], 'plain') })
  })
}
