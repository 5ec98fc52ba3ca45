import { describeConfigsV4, incrementalAlterConfigsV1 } from '@platformatic/kafka'
import type { ClusterClient } from '../cluster-client.ts'
import { isAuthorizationFailure, withErrorsInIt } from '../kafka-errors.ts'

/** What a cluster says of a topic's settings, by Kafka's names. */
export interface ClusterTopicConfigs {
  /** The topic's own. */
  readonly overrides: ReadonlyMap<string, string>
  /** Those that it has from its brokers: for topics without an own value. */
  readonly inherited: ReadonlyMap<string, string>
}

const TOPIC = 2
/** Kafka's ConfigSource: DYNAMIC_TOPIC_CONFIG. */
const OF_THE_TOPIC = 1
const TOPICS_PER_REQUEST = 200

/** Settings of these topics; those that the node asked does not know are not in it, those it may not tell have none. */
export async function readTopicConfigs(
  client: ClusterClient,
  names: readonly string[],
): Promise<Map<string, ClusterTopicConfigs>> {
  const found = new Map<string, ClusterTopicConfigs>()
  for (let first = 0; first < names.length; first += TOPICS_PER_REQUEST) {
    const some = names.slice(first, first + TOPICS_PER_REQUEST)
    const resources = some.map((resourceName) => ({ resourceType: TOPIC, resourceName }) as const)
    const answer = await client.toAny(
      (to) => withErrorsInIt(describeConfigsV4.api.async(to, resources, false, false)),
      { doing: 'to say how topics are set' },
    )
    for (const { errorCode, resourceName, configs } of answer.results) {
      if (errorCode === 0) found.set(resourceName, sortedOut(configs))
      else if (isAuthorizationFailure(errorCode)) found.set(resourceName, sortedOut([]))
    }
  }
  return found
}

type DescribedConfig = describeConfigsV4.DescribeConfigsResponseConfig

function sortedOut(configs: readonly DescribedConfig[]): ClusterTopicConfigs {
  const overrides = new Map<string, string>()
  const inherited = new Map<string, string>()
  for (const { name, value, configSource } of configs) {
    if (value === null || value === undefined) continue
    if (configSource === OF_THE_TOPIC) overrides.set(name, value)
    else inherited.set(name, value)
  }
  return { overrides, inherited }
}

/** Sets what is named, and takes away what is null. Resolves when the controller has it; brokers follow. */
export async function alterTopicConfigs(
  client: ClusterClient,
  topic: string,
  changes: ReadonlyMap<string, string | null>,
): Promise<void> {
  const configs = [...changes].map(([name, value]) =>
    value === null ? ({ name, configOperation: 1 } as const) : ({ name, configOperation: 0, value } as const),
  )
  const resources = [{ resourceType: TOPIC, resourceName: topic, configs } as const]
  await client.toController((to) => incrementalAlterConfigsV1.api.async(to, resources, false), {
    doing: `to change settings of the topic "${topic}"`,
  })
}
