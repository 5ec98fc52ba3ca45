import type { TestContext } from 'node:test'
import { systemClock } from '../../src/broker/clock.ts'
import { silentLogger, type Logger } from '../../src/broker/logger.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { kafkaEngineOptions } from '../../src/kafka-engine-options.ts'
import { KafkaEngine } from '../../src/kafka/kafka-engine.ts'
import { cleanUpBehind } from './temp-directory.ts'

/** An open gateway, as it is with these settings, closed behind the test. */
export async function openKafkaEngine(
  t: TestContext,
  bootstrapServers: string,
  settings: readonly string[] = [],
  logger: Logger = silentLogger,
): Promise<KafkaEngine> {
  const all = ['engine=kafka', `bootstrap.servers=${bootstrapServers}`, ...settings]
  const argv = all.flatMap((setting) => ['--set', setting])
  const { config } = loadConfig({ argv, env: {}, readFile: () => Buffer.alloc(0) })
  const engine = await KafkaEngine.open(kafkaEngineOptions(config, systemClock, logger))
  cleanUpBehind(t, () => engine.close())
  return engine
}
