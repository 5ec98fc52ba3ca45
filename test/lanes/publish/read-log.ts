import assert from 'node:assert/strict'
import type { StoredRecord } from './log-audit.ts'

interface Page {
  readonly records: readonly StoredRecord[]
  readonly nextOffset: number
  readonly upToDate: boolean
}

/** Every record of a topic, partition by partition, each from its first record on. */
export async function readLog(
  origin: string,
  topic: string,
  partitions: number,
  take: (record: StoredRecord) => void,
): Promise<void> {
  for (let partition = 0; partition < partitions; partition++) {
    const path = `${origin}/topics/${topic}/partitions/${partition}/records?format=string&maxRecords=10000&maxBytes=8388608`
    for (let offset = 0, upToDate = false; !upToDate;) {
      const response = await fetch(`${path}&offset=${offset}`)
      const text = await response.text()
      assert.equal(response.status, 200, text)
      const page = JSON.parse(text) as Page
      for (const record of page.records) take(record)
      offset = page.nextOffset
      upToDate = page.upToDate
    }
  }
}
