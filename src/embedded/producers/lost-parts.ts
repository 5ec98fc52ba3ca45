import { doubtfulRequest } from './doubtful-requests.ts'
import type { EmbeddedProducers } from './embedded-producers.ts'
import type { RequestFacts } from './request-facts.ts'

/**
 * Requests of which a part is missing in a directory that has lost facts of their time: the part may be stored, so it is
 * not stored again.
 *
 * @param lostMsOf of the directory of a partition: requests that came until then may be missing; 0 = none are
 */
export function doubtLostParts(
  requests: Iterable<RequestFacts>,
  lostMsOf: (topicId: string, partition: number) => number,
  producers: Pick<EmbeddedProducers, 'doubt'>,
): void {
  for (const facts of requests) {
    const { topicId, arrivedMs, partitions, stored } = facts
    if (stored.length === partitions.length) continue
    const missing = partitions.filter((partition) => !stored.some((part) => part.partition === partition))
    const inDoubt = new Set(missing.filter((partition) => arrivedMs <= lostMsOf(topicId, partition)))
    if (inDoubt.size > 0) producers.doubt(facts, doubtfulRequest(facts, inDoubt))
  }
}
