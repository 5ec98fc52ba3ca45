import type { EngineDifference } from './kafka-differences.ts'

const begin = '<!-- Generated from test/conformance/kafka-differences.ts by `npm run generate`. -->'
const end = '<!-- End of what is generated. -->'

/** docs/scaling.md with the table that these differences make. */
export function withDifferences(page: string, differences: readonly EngineDifference[]): string {
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error(`docs/scaling.md must have the lines ${begin} and ${end}`)
  return `${page.slice(0, from)}${begin}\n\n${tableOf(differences)}\n\n${page.slice(to)}`
}

function tableOf(differences: readonly EngineDifference[]): string {
  if (differences.length === 0) return 'None: the Kafka engine passes every test that the embedded one does.'
  const tests = Map.groupBy(differences, ({ difference }) => difference)
  const rows = [...tests].map(([difference, [first, ...others]]) => {
    const names = [first, ...others].map((one) => one?.test).join('; ')
    return `| ${difference} | ${first?.reason} | ${names} |`
  })
  return ['| with `engine=kafka` | why | tests that are left out |', '| --- | --- | --- |', ...rows].join('\n')
}
