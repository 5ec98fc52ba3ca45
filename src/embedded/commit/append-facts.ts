import type { LogAppended } from './log-append.ts'

/** What a request wants to have written about itself, in the frame that makes its records durable. */
export interface AppendFacts {
  /** In a frame, for so many parts. */
  sizeBytes(partCount: number): number
  /** Writes exactly `sizeBytes` bytes, about the parts that were appended. */
  write(into: Buffer, at: number, appended: readonly LogAppended[]): void
  /** The frame is durable. Must not throw. */
  committed(appended: readonly LogAppended[]): void
}
