import type { Engine } from '../../src/broker/engine.ts'

/** Creates a topic; resolves with its id. */
export async function makeTopic(
  engine: Engine,
  name: string,
  partitionCount = 1,
  configs: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { topicId } = await engine.topics.create({ name, partitionCount, configs: new Map(Object.entries(configs)) })
  return topicId
}
