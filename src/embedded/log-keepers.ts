import { Cleaner } from './cleaning/cleaner.ts'
import type { EmbeddedEngineOptions } from './embedded-engine-options.ts'
import { lastOffsetsOfProducers } from './producers/last-offsets.ts'
import { Retention } from './retention/retention.ts'
import { Scrubber } from './scrub/scrubber.ts'
import type { Storage } from './storage.ts'

/** What looks after logs without being asked to: none is started yet. */
export interface LogKeepers {
  readonly retention: Retention
  readonly cleaner: Cleaner
  readonly scrubber: Scrubber
}

/** @param isPaused true while nothing at all may be removed */
export function logKeepers(options: EmbeddedEngineOptions, storage: Storage, isPaused: () => boolean): LogKeepers {
  const { clock, retentionCheckIntervalMs: checkIntervalMs } = options
  const { requests, clockWatch } = storage
  const shared = { ...options, hosts: () => storage.hosts }
  const removing = { ...shared, deletionClock: clockWatch.deletionClock, isPaused }
  return {
    retention: new Retention({ ...removing, checkIntervalMs }),
    cleaner: new Cleaner({
      ...removing,
      settings: options.cleaning,
      lastOffsetsOfProducers: (log) => lastOffsetsOfProducers(requests, log, clock),
    }),
    scrubber: new Scrubber({ ...shared, settings: options.scrub }),
  }
}
