import { join, resolve } from 'node:path'
import process from 'node:process'
import { systemClock } from './broker/clock.ts'
import type { ServerConfig } from './config/server-config.ts'
import { repairCatalogue, type RepairReport } from './embedded/catalogue/repair-catalogue.ts'
import { META_PROPERTIES } from './embedded/directory/meta-properties.ts'
import { nodeFileSystem } from './embedded/node-file-system.ts'
import { StartupError } from './broker/startup-error.ts'

/** `posthorn repair`: rebuilds a damaged catalogue while no server runs. Returns the exit code. */
export async function repair(config: ServerConfig): Promise<number> {
  try {
    const logDirs = config.logDirs.map((directory) => resolve(directory))
    const report = await repairCatalogue({
      logDirs,
      nodeId: config.nodeId,
      fileSystem: nodeFileSystem,
      nowMs: systemClock.now(),
      offsetsTopicSegmentBytes: config.offsetsTopicSegmentBytes,
      topicPartitionsMax: config.topicPartitionsMax,
    })
    const topics = `${report.topicCount} ${report.topicCount === 1 ? 'topic' : 'topics'}`
    process.stdout.write(textOf(report, topics))
    return 0
  } catch (error) {
    if (!(error instanceof StartupError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}

function textOf(report: RepairReport, topics: string): string {
  const {
    repaired,
    completed = false,
    catalogue,
    snapshot,
    added = [],
    leftOut = [],
    identified = [],
    keptAside,
  } = report
  const left = leftOut.map((what) => `left out: ${what}`)
  const back = identified.map((directory) => `${join(directory, META_PROPERTIES)} was lost or damaged: it was put back`)
  if (!repaired) {
    const sound = `${catalogue} is sound (${topics}): nothing ${back.length === 0 ? '' : 'else '}was changed`
    return [...back, sound, ...left, ''].join('\n')
  }
  const source =
    snapshot === undefined
      ? `the partitions' directories, as no valid snapshot was found`
      : `the newest valid snapshot, in ${snapshot}`
  return [
    ...back,
    completed
      ? `${catalogue} is sound, and was completed from the partitions' directories: ${topics}`
      : `${catalogue} was rebuilt from ${source}: ${topics}`,
    ...added.map((topic) => `added, as only its directories told of it, in part at least: ${topic}`),
    ...left,
    ...(keptAside === undefined ? [] : [`the file that it replaces was kept as ${keptAside}`]),
    ...(report.needsConfirmation ? confirmation : []),
    '',
  ].join('\n')
}

const confirmation = [
  'The settings of topics that came from directories are lost, and which of their records were deleted. Start the server:',
  'nothing is removed by retention or compaction until it was started once with catalogue.rebuild.accept=true. Set the',
  'topics up before that.',
]
