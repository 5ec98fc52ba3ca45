import { basename, dirname } from 'node:path'
import type { Clock } from './broker/clock.ts'
import { bytesText } from './verify-text.ts'

/** How progress is told: as a bar that is drawn over itself, as lines from time to time, or not at all. */
export type ProgressForm = 'bar' | 'lines' | 'none'

export interface ProgressStream {
  readonly columns?: number
  write(text: string): unknown
}

const BAR_EVERY_MS = 100
const LINE_EVERY_MS = 5000
const BAR_CELLS = 24
const CLEAR_LINE = '\r\u001b[2K'

/** Tells on standard error how far reading has come, and how fast it goes. */
export class VerifyProgress {
  readonly #stream: ProgressStream
  readonly #form: ProgressForm
  readonly #clock: Clock
  readonly #startedMs: number
  #shownMs: number
  #isDrawn = false

  constructor(stream: ProgressStream, form: ProgressForm, clock: Clock) {
    this.#stream = stream
    this.#form = form
    this.#clock = clock
    this.#startedMs = clock.monotonic()
    this.#shownMs = this.#startedMs
  }

  show(readBytes: number, totalBytes: number, file: string): void {
    if (this.#form === 'none') return
    const now = this.#clock.monotonic()
    if (now - this.#shownMs < (this.#form === 'bar' ? BAR_EVERY_MS : LINE_EVERY_MS)) return
    this.#shownMs = now
    const share = totalBytes === 0 ? 1 : Math.min(1, readBytes / totalBytes)
    const seconds = Math.max(now - this.#startedMs, 1) / 1000
    const facts = `${Math.floor(share * 100)} % of ${bytesText(totalBytes)}, ${bytesText(readBytes / seconds)}/s`
    if (this.#form === 'lines') return void this.#stream.write(`${facts}\n`)
    const cells = Math.round(share * BAR_CELLS)
    const line = `[${'#'.repeat(cells)}${'.'.repeat(BAR_CELLS - cells)}] ${facts}  ${basename(dirname(file))}/${basename(file)}`
    this.#stream.write(CLEAR_LINE + line.slice(0, (this.#stream.columns ?? 80) - 1))
    this.#isDrawn = true
  }

  /** Before anything else is written to the terminal. */
  clear(): void {
    if (this.#isDrawn) this.#stream.write(CLEAR_LINE)
    this.#isDrawn = false
  }
}
