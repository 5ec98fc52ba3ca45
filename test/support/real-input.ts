import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../tidy/source-files.ts'

/** One record of a published data set, as the texts that go over the wire. */
export interface InputRecord {
  readonly key: string
  /** JSON text, stored and read back byte for byte. */
  readonly value: string
}

function dataset(name: string): unknown {
  return JSON.parse(readFileSync(join(repositoryRoot, 'node_modules/vega-datasets/data', name), 'utf8'))
}

interface Flight {
  readonly delay: number
}

interface Earthquakes {
  readonly features: readonly { readonly properties: { readonly net: string } }[]
}

/** 200,000 flights, keyed by their delay: they have no key of their own. */
export function flights(): InputRecord[] {
  return (dataset('flights-200k.json') as Flight[]).map((flight) => ({
    key: String(flight.delay),
    value: JSON.stringify(flight),
  }))
}

/** 1,707 earthquakes, keyed by the network that reported them. */
export function earthquakes(): InputRecord[] {
  return (dataset('earthquakes.json') as Earthquakes).features.map((feature) => ({
    key: feature.properties.net,
    value: JSON.stringify(feature),
  }))
}
