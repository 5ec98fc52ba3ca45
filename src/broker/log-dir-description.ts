/** What the engine tells of one of its log directories. */
export interface LogDirDescription {
  readonly path: string
  readonly state: 'online' | 'read-only' | 'offline'
  /** Why it is not online. */
  readonly reason?: string
  readonly totalBytes: number
  readonly freeBytes: number
  readonly partitionCount: number
  readonly sizeBytes: number
  /** Absent where nothing is read again by this program. */
  readonly scrub?: ScrubDescription
}

/** How far the reading again of a directory's segments is. */
export interface ScrubDescription {
  readonly state: 'off' | 'waiting' | 'reading'
  /** Bytes read again since the start. */
  readonly scrubbedBytes: number
  /** Of the present pass over all segments, or the last one. */
  readonly passBytes: number
  readonly passTotalBytes: number
  /** When a pass last came to its end, Unix milliseconds; −1 = not since the start. */
  readonly lastFullPassAt: number
  /** Damaged stretches and files that cannot be read, as far as they are still part of a log. */
  readonly findings: number
}
