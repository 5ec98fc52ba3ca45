import * as path from 'node:path'
import type { MetaProperties } from '../directory/meta-properties.ts'
import { OFFSETS_TOPIC, offsetsTopicConfigs } from '../groups/offsets-topic.ts'
import { StartupError } from '../startup-error.ts'
import { CATALOGUE_SNAPSHOT } from './catalogue-snapshot.ts'
import type { CatalogueState } from './catalogue-state.ts'
import { sameCatalogue, type FoundSnapshot } from './snapshot-contradiction.ts'
import { stateOfDirectories, type ConfigsByName, type PlacedPartitions } from './state-of-directories.ts'
import { completedCopy } from './topics-behind-copy.ts'

export interface RepairSources {
  /** What the database holds if SQLite can read it. */
  readonly readable: CatalogueState | undefined
  /** The same, if no copy speaks against it. */
  readonly sound: CatalogueState | undefined
  /** The copies of the newest generation. */
  readonly snapshots: readonly FoundSnapshot[]
  readonly home: MetaProperties
  readonly homePath: string
  readonly placed: readonly PlacedPartitions[]
}

export interface RepairedState {
  /** `sound` itself where there is nothing to repair. */
  readonly state: CatalogueState
  /** What it was made from; undefined where only directories told of topics. */
  readonly known: CatalogueState | undefined
  /** The directory of the copy that it was made from. */
  readonly snapshot?: string
  readonly added: readonly string[]
  readonly leftOut: readonly string[]
}

export interface RepairSettings {
  /** Unix milliseconds. */
  readonly nowMs: number
  /** `offsets.topic.segment.bytes` */
  readonly offsetsTopicSegmentBytes: number
  /** `topic.partitions.max` */
  readonly topicPartitionsMax: number
}

/** The catalogue as it should be: from itself, a copy or neither, and what the directories hold beside. */
export function repairedState(sources: RepairSources, settings: RepairSettings): RepairedState {
  const { readable, sound, snapshots, homePath } = sources
  if (sound) return { ...completed(sound, sources, settings), known: sound }
  const chosen =
    snapshots.find(({ state }) => readable && sameCatalogue(state, readable)) ??
    snapshots.find(({ directory }) => directory === homePath) ??
    snapshots[0]
  if (!chosen) return { state: stateWithoutCopy(sources, settings), known: undefined, added: [], leftOut: [] }
  const { state, added, leftOut } = completed(chosen.state, sources, settings)
  const others = snapshots.filter((copy) => !sameCatalogue(copy.state, chosen.state))
  const contradicting = others.map(
    ({ directory }) => `${path.join(directory, CATALOGUE_SNAPSHOT)}: it differs from the copy in ${chosen.directory}`,
  )
  return {
    // Which of them is right nobody can tell: nothing is removed by what this one says until an operator has looked.
    state: others.length === 0 ? state : doubted(state, settings),
    known: chosen.state,
    snapshot: chosen.directory,
    added,
    leftOut: [...contradicting, ...leftOut],
  }
}

/** If it does not know all that the directories hold, the settings of that are lost: nothing is removed until confirmed. */
function completed(known: CatalogueState, { home, placed }: RepairSources, settings: RepairSettings) {
  const { topicPartitionsMax: partitionsMax } = settings
  const held = { homeId: home.directoryId, placed, configsOf: configsByName(settings), partitionsMax }
  const { state, added, leftOut } = completedCopy(known, held)
  return { state: added.length === 0 ? known : doubted(state, settings), added, leftOut }
}

/** Copies of the lost catalogue that come to light later are older than this, however many changes they count. */
function doubted(state: CatalogueState, { nowMs }: RepairSettings): CatalogueState {
  return { ...state, generation: Math.max(nowMs, state.generation + 1), rebuiltMs: nowMs }
}

function configsByName({ offsetsTopicSegmentBytes }: RepairSettings): ConfigsByName {
  return (topic) => (topic === OFFSETS_TOPIC ? offsetsTopicConfigs(offsetsTopicSegmentBytes) : {})
}

/**
 * The topics that the partitions' directories tell of, without their settings: until an operator has confirmed them,
 * nothing of them is removed. Throws StartupError where directories contradict each other.
 */
function stateWithoutCopy({ home, placed }: RepairSources, settings: RepairSettings): CatalogueState {
  const { topicPartitionsMax: partitionsMax } = settings
  const { clusterId, directoryId } = home
  const state = stateOfDirectories(clusterId, directoryId, placed, {
    configsOf: configsByName(settings),
    partitionsMax,
  })
  if ('problem' in state) {
    throw new StartupError(
      `No log directory has a valid catalogue.snapshot, and what the directories hold contradicts itself: ` +
        `${state.problem}. Nothing was touched. Move the one that does not belong there out of the log directories, or ` +
        `put catalogue.db back from a backup.`,
    )
  }
  return doubted(state, settings)
}
