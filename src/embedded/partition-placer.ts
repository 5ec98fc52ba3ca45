import { BrokerError } from '../broker/broker-error.ts'
import type { CataloguePartition } from './catalogue/catalogue-state.ts'
import type { Catalogue } from './catalogue/catalogue.ts'
import { isWritable, type DirectoryHost } from './directory-host.ts'

/** Decides where new partitions go: each to the directory with the fewest at that moment (Kafka's rule). */
export class PartitionPlacer {
  readonly #catalogue: Catalogue
  readonly #hosts: readonly DirectoryHost[]

  constructor(catalogue: Catalogue, hosts: readonly DirectoryHost[]) {
    this.#catalogue = catalogue
    this.#hosts = hosts
  }

  /** Throws KAFKA_STORAGE_ERROR where no directory takes partitions. */
  place(count: number): readonly CataloguePartition[] {
    const candidates = this.#hosts.filter(isWritable).map(({ directory }) => ({ id: directory.directoryId, held: 0 }))
    if (candidates.length === 0) {
      throw new BrokerError(
        'KAFKA_STORAGE_ERROR',
        'No log directory takes new partitions: all are offline or read-only. See /log-dirs.',
        { stored: 'no' },
      )
    }
    this.#countHeld(candidates)
    return Array.from({ length: count }, () => {
      const fewest = candidates.reduce((best, candidate) => (candidate.held < best.held ? candidate : best))
      fewest.held++
      return { directoryId: fewest.id, logStartOffset: 0 }
    })
  }

  #countHeld(candidates: readonly { readonly id: string; held: number }[]): void {
    const byId = new Map(candidates.map((candidate) => [candidate.id, candidate]))
    for (const { partitions } of this.#catalogue.topics.values()) {
      for (const { directoryId } of partitions) {
        const candidate = byId.get(directoryId)
        if (candidate) candidate.held++
      }
    }
  }
}
