import { parsePassingName, parseSegmentFileName } from '../log/segment-name.ts'
import type { ExpectedPartition } from './expected-partition.ts'
import type { Consequence, Finding } from './finding.ts'

/** What a file is that lies in a partition's directory and is no segment of its log; undefined = nothing to tell of. */
export function fileBesideLog(
  name: string,
  { segments }: ExpectedPartition,
  lostRounds: boolean,
): Pick<Finding, 'consequence' | 'problem' | 'meaning'> | undefined {
  const harmlessly = (consequence: Consequence, problem: string, meaning: string) => ({ consequence, problem, meaning })
  const passing = parsePassingName(name)
  if (passing || name.endsWith('.tmp')) {
    return harmlessly('unfinished', 'left behind by a change of segments', 'the next start removes it')
  }
  if (name.endsWith('.torn')) {
    return harmlessly('unfinished', 'bytes that an earlier start put aside', 'no part of the log; may be removed')
  }
  const base = parseSegmentFileName(name)
  if (base === undefined) {
    if (name.startsWith('.')) return undefined
    return harmlessly('harmless', 'no file of Posthorn’s', 'nothing reads it')
  }
  const active = segments.at(-1)
  if (active && base > active.baseOffset) {
    return lostRounds
      ? harmlessly('unfinished', 'a segment that lost rounds of the journal may speak of', 'the next start keeps it')
      : harmlessly('unfinished', 'a segment that no durable frame speaks of', 'the next start puts it aside')
  }
  const around = segments.findLast((segment) => segment.baseOffset <= base)
  if (!around || around.generation > 0) {
    return harmlessly('unfinished', 'a segment that was removed or replaced', 'the next start removes it')
  }
  return harmlessly('refused', 'a segment that the checkpoint does not name', 'its records are not served')
}
