import assert from 'node:assert/strict'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import type { RecordColumns } from '../../../src/broker/record-columns.ts'
import { parsePublishBody } from '../../../src/http/json/parse-publish-body.ts'
import type { PublishBodyOptions } from '../../../src/http/json/publish-body-options.ts'
import type { RecordFormat } from '../../../src/http/json/record-format.ts'

export const limits = { maxRecords: 1000, maxHeaders: 5 }

function optionsOf(format: RecordFormat): PublishBodyOptions {
  return { keyFormat: format, valueFormat: format, ...limits }
}

export function parse(body: string | Buffer, format: RecordFormat = 'auto'): RecordColumns {
  return parsePublishBody(Buffer.from(body), optionsOf(format))
}

function span(columns: RecordColumns, start: number, end: number): string | null {
  return start < 0 ? null : columns.bytes.toString('utf8', start, end)
}

export function keyOf(columns: RecordColumns, i = 0): string | null {
  return span(columns, columns.keyStart[i]!, columns.keyEnd[i]!)
}

export function valueOf(columns: RecordColumns, i = 0): string | null {
  return span(columns, columns.valueStart[i]!, columns.valueEnd[i]!)
}

export function headersOf(columns: RecordColumns, i = 0): (string | null)[][] {
  const headers = []
  for (let header = columns.headerFrom[i]!; header < columns.headerFrom[i + 1]!; header++) {
    headers.push([
      span(columns, columns.headerNameStart[header]!, columns.headerNameEnd[header]!),
      span(columns, columns.headerValueStart[header]!, columns.headerValueEnd[header]!),
    ])
  }
  return headers
}

export function faultOf(
  body: string | Buffer,
  format: RecordFormat = 'auto',
  options = optionsOf(format),
): BrokerError {
  try {
    parsePublishBody(Buffer.from(body), options)
  } catch (error) {
    assert.ok(error instanceof BrokerError, String(error))
    assert.equal(error.status, 400)
    assert.equal(error.options.stored, 'no')
    return error
  }
  return assert.fail(`accepted: ${String(body).slice(0, 100)}`)
}

/** The one fault of a request with this one record. */
export function recordFault(record: string, format: RecordFormat = 'auto'): { pointer: string; detail: string } {
  const { code, options } = faultOf(`{"records":[${record}]}`, format)
  assert.equal(code, 'INVALID_REQUEST')
  assert.equal(options.errorCount, 1, JSON.stringify(options.errors))
  return options.errors![0]!
}
