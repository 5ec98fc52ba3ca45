import type { StrayPartition } from '../stray-partition.ts'
import type { Finding } from './finding.ts'

/** What it means that a partition's directory lies where the catalogue does not place it. */
export function strayFinding({
  topic,
  isUnfinished,
}: StrayPartition): Pick<Finding, 'consequence' | 'problem' | 'meaning'> {
  if (topic && isUnfinished) {
    const what = topic.state === 'live' ? 'whose addition did not come to its end' : `which is ${topic.state}`
    const problem = `a partition of ${topic.name}, ${what}`
    return { consequence: 'unfinished', problem, meaning: 'the next start removes it' }
  }
  const problem = topic
    ? `a partition of ${topic.name} that the catalogue does not place here`
    : 'a partition of a topic that the catalogue does not know'
  const meaning =
    "its records are not served, and nothing of it is removed: 'posthorn repair' takes it in or says why not"
  return { consequence: 'refused', problem, meaning }
}
