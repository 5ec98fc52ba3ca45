import * as path from 'node:path'
import { randomBytes } from 'node:crypto'
import { systemClock } from '../../../src/broker/clock.ts'
import { silentLogger } from '../../../src/broker/logger.ts'
import { resolveTopicConfig } from '../../../src/broker/topic-config-definitions.ts'
import { EmbeddedEngine } from '../../../src/embedded/embedded-engine.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { publish } from '../../support/engine-records.ts'
import { makeTopic } from '../../conformance/make-topic.ts'
import { engineSettings } from '../../support/embedded-engine.ts'

// Publishes to log directories until it is killed; says so in a line when it has begun.

const [base = ''] = process.argv.slice(2)
const engine = await EmbeddedEngine.open({
  ...engineSettings,
  logDirs: [path.join(base, 'a'), path.join(base, 'b')],
  resolveTopicConfig: (overrides) => resolveTopicConfig(new Map(), overrides),
  cleaning: { ...engineSettings.cleaning, backoffMs: 5 },
  fileSystem: nodeFileSystem,
  clock: systemClock,
  random: randomBytes,
  logger: silentLogger,
})
const small = { 'segment.bytes': '20000', 'index.interval.bytes': '1000' }
if (!engine.topics.find('orders')) {
  await makeTopic(engine, 'orders', 3, small)
  await makeTopic(engine, 'large', 1)
  await makeTopic(engine, 'prices', 2, { ...small, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01' })
}
process.stdout.write('began\n')
for (let round = 0; ; round++) {
  const text = `${round} ${'x'.repeat((round * 137) % 3000)}`
  if (round % 20 === 0) await publish(engine, 'large', { 0: ['L'.repeat(600_000)] })
  await Promise.all([
    publish(engine, 'orders', { [round % 3]: [text, text] }),
    publish(engine, 'prices', { [round % 2]: [text] }),
  ])
  if (round % 20 === 0) await makeTopic(engine, `made-${process.pid}-${round}`, 2)
}
