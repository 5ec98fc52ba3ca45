import { hash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Of all files below a directory, by their path: to see that nothing was touched. */
export function fileHashes(directory: string): Record<string, string> {
  const hashes: Record<string, string> = {}
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const file = join(directory, name)
    if (statSync(file).isFile()) hashes[name] = hash('sha256', readFileSync(file))
  }
  return hashes
}
