import { CatalogueDatabase } from '../../../../src/embedded/catalogue/catalogue-database.ts'
import { DirectoryLock } from '../../../../src/embedded/directory/directory-lock.ts'
import type { CatalogueStore, StorageDrivers } from '../../../../src/embedded/storage-drivers.ts'
import { machineDrivers } from '../../../../src/embedded/storage-drivers.ts'
import { MemorySegmentIndex } from '../../../support/memory-segment-index.ts'

/** The catalogue without its thread. */
function catalogueStore(): CatalogueStore {
  let database: CatalogueDatabase | undefined
  return {
    async open(file, initial) {
      database = initial ? CatalogueDatabase.create(file, initial) : CatalogueDatabase.open(file)
      return database.state()
    },
    async apply(change) {
      database?.apply(change)
    },
    async close() {
      database?.close()
    },
  }
}

/** No threads: an engine then opens in milliseconds. The index begins empty, as one does that is rebuilt. */
export const quickDrivers: StorageDrivers = {
  ...machineDrivers,
  lockDirectory: (directory) => DirectoryLock.acquire(directory),
  startCatalogue: catalogueStore,
  openIndex: () => Object.assign(new MemorySegmentIndex(), { rebuildFrom: () => undefined }),
}
