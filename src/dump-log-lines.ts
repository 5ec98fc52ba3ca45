import { sequenceOf, type DumpedBatch, type DumpedRecord, type DumpSink } from './embedded/verify/dump-segment.ts'
import type { SegmentDamage } from './embedded/verify/segment-check.ts'
import type { LineWriter } from './line-writer.ts'

export interface DumpForm {
  /** One JSON object a line, instead of words. */
  readonly isJson: boolean
  /** Keys, values and headers' values as well. */
  readonly withData: boolean
}

type Field = readonly [name: string, value: string | number | boolean | null]

/** What a segment file holds, one line a batch, record or damaged stretch. The fields are called as in Kafka's own tool. */
export class DumpedLines implements DumpSink {
  readonly #file: string
  readonly #form: DumpForm
  readonly #output: LineWriter
  #isDamaged = false

  constructor(file: string, form: DumpForm, output: LineWriter) {
    this.#file = file
    this.#form = form
    this.#output = output
  }

  get isDamaged(): boolean {
    return this.#isDamaged
  }

  begin(): void {
    if (!this.#form.isJson) this.#output.write(`${this.#file}:`)
  }

  batch(batch: DumpedBatch): void {
    this.#line('batch', '', batchFields(batch))
  }

  record(record: DumpedRecord): void {
    const { offset, timestamp, sequence, key, value, headers } = record
    const fields: Field[] = [
      ['offset', offset],
      ['timestamp', timestamp],
      ['keySize', key?.length ?? -1],
      ['valueSize', value?.length ?? -1],
      ['sequence', sequence],
    ]
    if (this.#form.isJson) return this.#writeJson('record', fields, jsonData(record, this.#form.withData))
    if (headers.length > 0) fields.push(['headerKeys', `[${headers.map(({ name }) => textOf(name)).join(',')}]`])
    if (this.#form.withData) {
      for (const { name, value: headerValue } of headers) fields.push([`header ${textOf(name)}`, dataText(headerValue)])
      fields.push(['key', dataText(key)], ['payload', dataText(value)])
    }
    this.#line('record', '| ', fields)
  }

  unreadable({ position, baseOffset }: DumpedBatch, reason: string): void {
    this.#isDamaged = true
    const fields: Field[] = [
      ['position', position],
      ['baseOffset', baseOffset],
      ['isvalid', false],
      ['reason', `its records do not parse: ${reason}`],
    ]
    this.#line('damage', '! ', fields)
  }

  damage({ position, end, from, to, reason }: SegmentDamage): void {
    this.#isDamaged = true
    const isKnown = to < Number.MAX_SAFE_INTEGER
    const fields: Field[] = [
      ['position', position],
      ['size', end - position],
      ['offset', from],
      ...(isKnown ? [['lastOffset', to - 1] as const] : []),
      ['isvalid', false],
      ['reason', reason],
    ]
    this.#line('damage', '! ', fields)
  }

  async settled(): Promise<void> {
    await this.#output.drained()
  }

  #line(kind: string, prefix: string, fields: readonly Field[]): void {
    if (this.#form.isJson) this.#writeJson(kind, fields, {})
    else this.#output.write(prefix + fields.map(([name, value]) => `${name}: ${value ?? 'none'}`).join(' '))
  }

  #writeJson(kind: string, fields: readonly Field[], more: object): void {
    this.#output.write(JSON.stringify({ kind, file: this.#file, ...Object.fromEntries(fields), ...more }))
  }
}

function batchFields(batch: DumpedBatch): Field[] {
  return [
    ['baseOffset', batch.baseOffset],
    ['lastOffset', batch.lastOffset],
    ['count', batch.recordCount],
    ['baseSequence', batch.baseSequence],
    ['lastSequence', sequenceOf(batch, batch.lastOffset)],
    // Beyond 2^53 it would not survive as a JSON number.
    ['producerId', String(batch.producerId)],
    ['producerEpoch', batch.producerEpoch],
    ['partitionLeaderEpoch', batch.partitionLeaderEpoch],
    ['isTransactional', batch.isTransactional],
    ['isControl', batch.isControl],
    ['deleteHorizonMs', batch.deleteHorizonMs ?? null],
    ['position', batch.position],
    ['timestampType', batch.timestampType],
    ['timestamp', batch.timestamp],
    ['size', batch.sizeBytes],
    ['magic', batch.magic],
    ['compresscodec', batch.compression],
    ['crc', batch.crc],
    ['isvalid', true],
  ]
}

function jsonData({ key, value, headers }: DumpedRecord, withData: boolean): object {
  if (!withData) return { headerKeys: headers.map(({ name }) => name) }
  const written = headers.map((header) => ({ name: header.name, ...jsonPart('value', header.value) }))
  return { ...jsonPart('key', key), ...jsonPart('payload', value), headers: written }
}

/** As text where the bytes are UTF-8, else in base64 under another name. */
function jsonPart(name: string, bytes: Buffer | null): Record<string, string | null> {
  if (bytes === null) return { [name]: null }
  const text = bytes.toString('utf8')
  return Buffer.from(text).equals(bytes) ? { [name]: text } : { [`${name}Base64`]: bytes.toString('base64') }
}

function dataText(bytes: Buffer | null): string {
  return bytes === null ? 'null' : textOf(bytes.toString('utf8'))
}

/** What could move a terminal's cursor, or begin a line of its own, is escaped. */
function textOf(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
