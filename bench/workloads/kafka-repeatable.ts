import { KafkaCluster } from '../../test/support/kafka-cluster.ts'
import { missingForKafkaTools } from '../../test/support/kafka-tools.ts'
import type { Part } from '../part.ts'
import { createTopic, freshDirectory } from './publishing.ts'
import { identityRows, PARTITIONS } from './repeatable.ts'

/** Each is a transaction there: a single client waits for one after the other, several share what the cluster can do. */
export const kafkaRepeatablePart: Part = {
  name: 'kafka-repeatable',
  about:
    'requests that can be sent again through a gateway, by Producer-Sequence and by Idempotency-Key, against plain ones (needs Java, Maven)',
  async *run(context) {
    const missing = await missingForKafkaTools()
    if (missing !== undefined) throw new Error(missing)
    const folder = freshDirectory(context, 'kafka')
    const cluster = await KafkaCluster.start(folder, { nodeCount: 1, javaFlags: ['-Xmx512m'] })
    try {
      const settings = ['engine=kafka', `bootstrap.servers=${cluster.bootstrapServers}`]
      const server = await context.servers.posthorn('gateway', freshDirectory(context, 'data'), settings)
      await createTopic(server.url, 'bench', PARTITIONS)
      for (const recordsPerRequest of context.options.quick ? [100] : [1, 100, 1000]) {
        for (const connections of [1, 32]) {
          context.progress(`${recordsPerRequest} a request, ${connections} clients: plain, by sequence, by key`)
          const rows = await identityRows({ server, recordsPerRequest, connections }, context)
          yield* rows.map((row) => ({ ...row, work: `${row.work}, ${connections} clients` }))
        }
      }
      await server.stop()
    } finally {
      await cluster.stop()
    }
  },
}
