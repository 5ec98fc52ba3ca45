import { readLog } from '../../publish/read-log.ts'
import { type SentRequest, valuesOf } from './stop-publisher.ts'

/**
 * Reads the topic and holds it against what was sent: what was acknowledged is where it was said to be, what was refused
 * is nowhere, what had no answer is there whole or not at all.
 *
 * @returns what is wrong, in sentences, and how many requests without an answer are there
 */
export async function auditStops(
  url: string,
  partitions: number,
  sent: readonly SentRequest[],
): Promise<{ findings: string[]; unansweredButStored: number }> {
  const places = new Map<string, string[]>()
  await readLog(url, 'orders', partitions, ({ value, partition, offset }) => {
    places.set(value, [...(places.get(value) ?? []), `${partition}/${offset}`])
  })
  const findings: string[] = []
  let unansweredButStored = 0
  for (const { name, status, stored, places: told } of sent) {
    const found = valuesOf(name).map((value) => places.get(value) ?? [])
    const count = found.filter(({ length }) => length > 0).length
    if (found.some(({ length }) => length > 1)) findings.push(`${name} is stored more than once`)
    if (count !== 0 && count !== found.length)
      findings.push(`${count} of ${found.length} records of ${name} are stored`)
    if (status === 200) {
      for (const [index, { partition, offset }] of told.entries()) {
        const is = found[index]?.[0]
        if (is !== `${partition}/${offset}`)
          findings.push(`${name}/${index} was said to be at ${partition}/${offset}, is at ${is}`)
      }
    } else if (count > 0 && stored === 'no') findings.push(`${name} was refused with stored "no" and is stored`)
    else if (count > 0) unansweredButStored++
  }
  return { findings, unansweredButStored }
}
