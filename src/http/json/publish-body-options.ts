import type { RecordFormats } from './record-format.ts'

export interface PublishBodyOptions extends RecordFormats {
  /** Records in one request. */
  readonly maxRecords: number
  /** Headers of one record. */
  readonly maxHeaders: number
}
