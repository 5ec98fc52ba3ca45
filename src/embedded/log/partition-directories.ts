import * as path from 'node:path'
import { BrokerError } from '../../broker/broker-error.ts'
import type { Logger } from '../../broker/logger.ts'
import { ConcurrencyLimit } from '../../broker/concurrency-limit.ts'
import type { FileSystem } from '../file-system.ts'
import { errorCode, errorMessage } from '../startup-error.ts'
import type { DirectoryCondition } from './directory-condition.ts'
import type { OpenFiles } from './open-files.ts'
import {
  createPartitionDirectory,
  deletedDirectory,
  partitionDirectory,
  removeUnfinishedCreation,
} from './partition-directory.ts'
import type { PartitionLog, PartitionPlacement } from './partition-log.ts'
import { isDiskFull, isMissing } from './storage-failure.ts'

const RETRY_AFTER_SECONDS = 5
/** The file system then makes several directories durable in one go. */
const CREATIONS_AT_ONCE = 8

export interface PartitionDirectoriesOptions {
  readonly fileSystem: FileSystem
  readonly logger: Logger
  readonly files: OpenFiles
  readonly condition: DirectoryCondition
  /** Gives up what is held back for a full disk; false where there is nothing more. */
  readonly releaseReserve: () => Promise<boolean>
}

/** The directories of a log directory's partitions as they come and go. What fails takes the log directory offline. */
export class PartitionDirectories {
  readonly #options: PartitionDirectoriesOptions

  constructor(options: PartitionDirectoriesOptions) {
    this.#options = options
  }

  get #root(): string {
    return this.#options.condition.path
  }

  /** Durable when it resolves, with one sync of the log directory for all: metadata, first segments. */
  async create(placements: readonly PartitionPlacement[]): Promise<void> {
    try {
      await this.#createAll(placements).catch(async (error: unknown) => {
        if (!isDiskFull(error) || !(await this.#options.releaseReserve())) throw error
        await this.#createAll(placements)
      })
    } catch (error) {
      await this.#removeUnfinished(placements)
      throw this.#failure(error)
    }
  }

  /** Else they would stand in the way of whoever makes a topic of that name next. */
  async #removeUnfinished(placements: readonly PartitionPlacement[]): Promise<void> {
    const { fileSystem, logger } = this.#options
    try {
      for (const placement of placements) {
        const directory = partitionDirectory(this.#root, placement.topic, placement.partition)
        await removeUnfinishedCreation(fileSystem, directory, placement)
      }
      await fileSystem.syncDirectory(this.#root)
    } catch (error) {
      logger.warn({ err: error, directory: this.#root }, 'what an unfinished creation left could not be removed')
    }
  }

  async #createAll(placements: readonly PartitionPlacement[]): Promise<void> {
    const { fileSystem } = this.#options
    await new ConcurrencyLimit(CREATIONS_AT_ONCE).forEach(placements, (placement) =>
      createPartitionDirectory(
        fileSystem,
        partitionDirectory(this.#root, placement.topic, placement.partition),
        placement,
      ),
    )
    await fileSystem.syncDirectory(this.#root)
  }

  /** Out of the way for good first (renamed, durably), then removed. */
  async remove(logs: readonly PartitionLog[]): Promise<void> {
    const { fileSystem, logger } = this.#options
    const renamed: string[] = []
    try {
      for (const log of logs) if (await this.#rename(log)) renamed.push(deletedDirectory(this.#root, log))
      await fileSystem.syncDirectory(this.#root)
    } catch (error) {
      throw this.#failure(error)
    }
    for (const directory of renamed) {
      await fileSystem.removeTree(directory).catch((error: unknown) => {
        logger.warn({ err: error, directory: path.basename(directory) }, 'it will be removed at the next start')
      })
    }
  }

  /** False where there is nothing to rename. A partition that is offline may stand in front of another's directory. */
  async #rename(log: PartitionLog): Promise<boolean> {
    if (log.offlineReason !== undefined) return false
    const { fileSystem, files } = this.#options
    await files.closeUnder(log.directory)
    try {
      await fileSystem.rename(log.directory, deletedDirectory(this.#root, log))
      return true
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }

  /** A full disk and a lack of descriptors pass; any other error of the disk takes the directory offline. */
  #failure(error: unknown): BrokerError {
    const { condition } = this.#options
    const code = errorCode(error)
    const passing = code === undefined || isDiskFull(error) || code === 'EMFILE' || code === 'ENFILE'
    if (!passing) condition.takeOffline("changing partitions' directories failed", error)
    if (condition.state !== 'online') return condition.error('no')
    return new BrokerError('KAFKA_STORAGE_ERROR', `log directory ${this.#root}: ${errorMessage(error)}`, {
      stored: 'no',
      retryAfterSeconds: RETRY_AFTER_SECONDS,
      cause: error,
    })
  }
}
