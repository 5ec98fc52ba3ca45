import type { FileHandle } from '../file-system.ts'
import type { SegmentKey } from '../index/segment-index.ts'
import { findSoundRun, type DamagedStretch, type RunStart } from './sound-run.ts'

const REMEMBERED_MAX = 256

/**
 * Each search behind a damaged batch is made once, however many readers meet it and however often: it may go through most
 * of a segment. What was found in vain is remembered as well, until the file has grown.
 */
export class SoundRunSearches {
  /** Oldest first. */
  readonly #searches = new Map<string, Promise<RunStart | undefined>>()

  /** The file must stay open until this resolves. */
  find(file: FileHandle, key: SegmentKey, stretch: DamagedStretch): Promise<RunStart | undefined> {
    const { topicId, partition, segmentBaseOffset, generation } = key
    const name = [topicId, partition, segmentBaseOffset, generation, stretch.position, stretch.end.position].join('/')
    const known = this.#searches.get(name)
    if (known) return known
    const search = searchIn(file, stretch)
    this.#searches.set(name, search)
    search.catch(() => this.#searches.delete(name))
    if (this.#searches.size > REMEMBERED_MAX) {
      const [oldest = name] = this.#searches.keys()
      this.#searches.delete(oldest)
    }
    return search
  }
}

async function searchIn(file: FileHandle, stretch: DamagedStretch): Promise<RunStart | undefined> {
  const search = findSoundRun(stretch)
  let step = search.next()
  while (step.done !== true) step = search.next(await file.read(step.value.position, step.value.length))
  return step.value
}
