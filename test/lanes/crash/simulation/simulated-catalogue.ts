import * as path from 'node:path'
import type {
  CatalogueChange,
  CataloguePartition,
  CatalogueState,
  CatalogueTopic,
} from '../../../../src/embedded/catalogue/catalogue-state.ts'
import { StartupError } from '../../../../src/embedded/startup-error.ts'
import type { CatalogueStore } from '../../../../src/embedded/storage-drivers.ts'
import type { MemoryFileSystem } from '../../../support/memory-file-system.ts'

/** The catalogue on a disk in memory: each change is a transaction, there as a whole or not at all after a crash. */
export class SimulatedCatalogue implements CatalogueStore {
  readonly #disk: MemoryFileSystem
  #file = ''
  #state: CatalogueState | undefined

  constructor(disk: MemoryFileSystem) {
    this.#disk = disk
  }

  async open(file: string, initial?: CatalogueState): Promise<CatalogueState> {
    this.#file = file
    if (initial) return this.#store(initial)
    const names = await this.#disk.readdir(path.dirname(file))
    if (!names.includes(path.basename(file))) throw new StartupError(`The catalogue ${file} is damaged: it is missing.`)
    const handle = await this.#disk.open(file, { readOnly: true })
    const state: CatalogueState = JSON.parse((await handle.read(0, await handle.size())).toString())
    this.#state = state
    return state
  }

  async apply(change: CatalogueChange): Promise<void> {
    if (!this.#state) throw new Error('the catalogue is not open')
    const { generation } = this.#state
    await this.#store({ ...changed(this.#state, change), generation: generation + 1 })
  }

  async close(): Promise<void> {}

  async #store(state: CatalogueState): Promise<CatalogueState> {
    await this.#disk.replaceDurably(this.#file, Buffer.from(JSON.stringify(state)))
    this.#state = state
    return state
  }
}

function changed(state: CatalogueState, change: CatalogueChange): CatalogueState {
  const { directories, topics } = state
  const replaced = (topicId: string, replace: (topic: CatalogueTopic) => Partial<CatalogueTopic>): CatalogueState => ({
    ...state,
    topics: topics.map((topic) => (topic.topicId === topicId ? { ...topic, ...replace(topic) } : topic)),
  })
  switch (change.kind) {
    case 'directory': {
      const others = directories.filter(({ directoryId }) => directoryId !== change.directory.directoryId)
      return { ...state, directories: [...others, change.directory] }
    }
    case 'topic':
      return { ...state, topics: [...topics, change.topic] }
    case 'topic-state':
      return replaced(change.topicId, () => ({ state: change.state }))
    case 'topic-configs':
      return replaced(change.topicId, () => ({ configs: change.configs }))
    case 'partitions':
      return replaced(change.topicId, ({ partitions }) => ({ partitions: [...partitions, ...change.partitions] }))
    case 'log-start':
      return replaced(change.topicId, ({ partitions }) => ({ partitions: moved(partitions, change) }))
    case 'confirmed': {
      const { rebuiltMs: _, ...confirmed } = state
      return confirmed
    }
    case 'topic-gone':
      break
  }
  return { ...state, topics: topics.filter(({ topicId }) => topicId !== change.topicId) }
}

function moved(
  partitions: readonly CataloguePartition[],
  { partition, logStartOffset }: { readonly partition: number; readonly logStartOffset: number },
): CataloguePartition[] {
  return partitions.map((placed, number) => (number === partition ? { ...placed, logStartOffset } : placed))
}
