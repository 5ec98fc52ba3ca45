import { topicConfigDefinitions } from '../broker/topic-config-definitions.ts'
import type { BrokerSynonym } from '../broker/topic-config-table.ts'
import { cleanerSettings } from './cleaner-settings.ts'
import { kafkaSettings as kafka } from './kafka-settings.ts'
import { posthornSettings as ours } from './posthorn-settings.ts'
import { shownSetting } from './setting.ts'
import type { SettingsReader } from './settings-reader.ts'

interface EmbeddedSettings {
  readonly settings: readonly { readonly synonyms: readonly BrokerSynonym[] }[]
  /** Why they do nothing in front of a cluster, and where it is set there. */
  readonly reason: string
}

const ofTheEmbeddedEngine: readonly EmbeddedSettings[] = [
  {
    settings: [
      kafka.logDirs,
      kafka.numRecoveryThreadsPerDataDir,
      ours.journalFileBytes,
      ours.journalDirectMinBytes,
      ours.journalPendingMaxBytes,
      ours.journalCheckpointDirectBytes,
      ours.logDirFreeMinBytes,
      ours.logDirReserveBytes,
      ours.logOpenFilesMax,
      ours.clockJumpMaxMs,
      ours.clockJumpAccept,
    ],
    reason: 'a gateway keeps no records on its own disks',
  },
  {
    settings: [kafka.nodeId, kafka.brokerRack, kafka.processRoles],
    reason: 'a gateway is no node of the cluster',
  },
  {
    settings: [...Object.values(cleanerSettings), kafka.logRetentionCheckIntervalMs],
    reason: 'the brokers remove and compact, as they are set',
  },
  {
    settings: topicConfigDefinitions,
    reason: 'a topic has from its brokers what it does not set itself',
  },
  {
    settings: [
      kafka.offsetsTopicReplicationFactor,
      kafka.offsetsTopicNumPartitions,
      kafka.offsetsTopicSegmentBytes,
      kafka.offsetsRetentionMinutes,
      kafka.offsetsRetentionCheckIntervalMs,
      kafka.groupConsumerSessionTimeoutMs,
      kafka.groupConsumerMinSessionTimeoutMs,
      kafka.groupConsumerMaxSessionTimeoutMs,
      kafka.groupConsumerHeartbeatIntervalMs,
      kafka.groupConsumerMinHeartbeatIntervalMs,
      kafka.groupConsumerMaxHeartbeatIntervalMs,
      kafka.groupConsumerMaxSize,
    ],
    reason: 'the brokers keep the groups, as they are set',
  },
  {
    settings: [kafka.producerIdExpirationMs, kafka.producerIdExpirationCheckIntervalMs, ours.producerStateMaxBytes],
    reason: 'the cluster remembers producers, as its brokers are set',
  },
  { settings: [ours.partitionsMax], reason: 'how many partitions there may be is for the cluster to say' },
]

/** One warning for each setting that was given, and that only the embedded engine would have a use for. */
export function warnOfEmbeddedSettings(reader: SettingsReader): void {
  for (const { settings, reason } of ofTheEmbeddedEngine) {
    for (const definition of settings) {
      const given = reader.given(definition)
      if (given !== undefined) reader.warnings.push(`${shownSetting(given)} has no effect with engine=kafka: ${reason}`)
    }
  }
}
