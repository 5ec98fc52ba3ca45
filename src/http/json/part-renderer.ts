import { isUtf8 } from 'node:buffer'
import { CLOSE_BRACE, CLOSE_BRACKET, LOWER_N, OPEN_BRACE, OPEN_BRACKET } from './json-bytes.ts'
import { END, JsonScanner } from './json-scanner.ts'
import type { JsonWriter } from './json-writer.ts'
import type { RecordFormat } from './record-format.ts'

const noBytes = Buffer.alloc(0)

/**
 * Writes the bytes of keys, values and header values as JSON. What cannot be shown in the format asked for is written
 * as base64; nothing fails.
 */
export class PartRenderer {
  readonly #writer: JsonWriter
  readonly #onOneLine: boolean
  #source: Buffer = noBytes
  #view = viewOf(noBytes)
  readonly #scanner = new JsonScanner(noBytes)

  /** @param onOneLine line breaks between the tokens of embedded JSON are written as spaces */
  constructor(writer: JsonWriter, onOneLine = false) {
    this.#writer = writer
    this.#onOneLine = onOneLine
  }

  /** What is written next comes from here. */
  use(source: Buffer): void {
    if (source === this.#source) return
    this.#source = source
    this.#view = viewOf(source)
  }

  /** Writes bytes [start, end) of the source; returns false if as base64. */
  write(start: number, end: number, format: RecordFormat): boolean {
    if (format === 'auto') {
      if (this.#looksLikeContainer(start, end) && this.#isEmbeddable(start, end)) return this.#embed(start, end)
      return this.#writeString(start, end)
    }
    if (format === 'string') return this.#writeString(start, end)
    if (format === 'json' && this.#isEmbeddable(start, end)) return this.#embed(start, end)
    return this.#writeBase64(start, end)
  }

  /** White space around it would be lost to whoever publishes it again: such text is shown as a string. */
  #looksLikeContainer(start: number, end: number): boolean {
    const source = this.#source
    if (end - start < 2) return false
    const first = source[start]
    const last = source[end - 1]
    return (first === OPEN_BRACE && last === CLOSE_BRACE) || (first === OPEN_BRACKET && last === CLOSE_BRACKET)
  }

  /** JSON that common parsers take and that does not read as "no value". */
  #isEmbeddable(start: number, end: number): boolean {
    const scanner = this.#scanner
    scanner.use(this.#source)
    scanner.clearNotes()
    scanner.position = start
    scanner.limit = end
    const first = scanner.skipWhitespace()
    if (first === END || first === LOWER_N || !scanner.skipValue(first)) return false
    if (scanner.skipWhitespace() !== END || scanner.loneSurrogateAt >= 0 || scanner.infiniteNumberAt >= 0) return false
    return scanner.isAscii || isUtf8(this.#source.subarray(start, end))
  }

  #embed(start: number, end: number): true {
    if (this.#onOneLine) this.#writer.writeOnOneLine(this.#view, start, end)
    else this.#writer.writeBytes(this.#source, start, end)
    return true
  }

  #writeString(start: number, end: number): boolean {
    const writer = this.#writer
    const before = writer.length
    const isAscii = writer.writeString(this.#view, start, end)
    if (isAscii || isUtf8(this.#source.subarray(start, end))) return true
    writer.length = before
    return this.#writeBase64(start, end)
  }

  #writeBase64(start: number, end: number): false {
    this.#writer.writeBase64(this.#source, start, end)
    return false
  }
}

function viewOf(source: Buffer): DataView {
  return new DataView(source.buffer, source.byteOffset, source.byteLength)
}
