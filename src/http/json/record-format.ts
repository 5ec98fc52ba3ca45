/**
 * How the bytes of a key or value stand in JSON.
 *
 * - `auto`: a string stands for its characters, an object or array for its own text.
 * - `json`: the bytes are JSON text, whatever its type; a string keeps its quotes.
 * - `string`: the bytes are UTF-8 text.
 * - `base64`: any bytes.
 */
export type RecordFormat = 'auto' | 'json' | 'string' | 'base64'

export interface RecordFormats {
  readonly keyFormat: RecordFormat
  readonly valueFormat: RecordFormat
}
