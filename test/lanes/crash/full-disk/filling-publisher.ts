import { hash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { api, type Answer } from '../../keeping/api.ts'
import type { StoredRecords } from './stored-records.ts'

export interface FillingPublisherOptions {
  readonly name: string
  /** Under sequences, or without any identity. */
  readonly kind: 'sequence' | 'plain'
  readonly url: () => string
  readonly records: StoredRecords
  /** Changes what the server answered to requests without an identity: a fault that the lane must find. */
  readonly alter?: (answer: Answer) => Answer
}

export const RECORDS_A_REQUEST = 25
const VALUE_BYTES = 16_000
const REST_MS = 25
const filling = 'abcdefgh'.repeat(VALUE_BYTES / 8)

/**
 * Publishes as fast as it is let, and sends again what is refused. Requests with a sequence it sends again also where no
 * answer came; of the others it says that nobody knows.
 */
export class FillingPublisher {
  readonly options: FillingPublisherOptions
  acknowledged = 0
  refused = 0
  unknown = 0
  /** What was wrong with answers, in sentences. */
  readonly findings: string[] = []
  /** The last answer was a refusal. */
  isRefused = false
  #ended = false
  #turn = 0
  /** Of the topic. */
  #sequence = 0

  constructor(options: FillingPublisherOptions) {
    this.options = options
  }

  get kind(): FillingPublisherOptions['kind'] {
    return this.options.kind
  }

  /** Publishes to the topic until the signal, and until what it has sent is stored. */
  async run(topic: string, until: AbortSignal): Promise<void> {
    this.#sequence = 0
    this.isRefused = false
    while (!this.#ended && (!until.aborted || this.isRefused)) {
      if (await this.#publish(topic, `${this.options.name}.${this.#turn}`)) this.#turn++
      else await sleep(REST_MS)
    }
  }

  /** Whatever became of what it has sent. */
  end(): void {
    this.#ended = true
  }

  /** @returns whether the next request is due */
  async #publish(topic: string, request: string): Promise<boolean> {
    const { name, kind, url, records, alter } = this.options
    const identity: Record<string, string> =
      kind === 'sequence' ? { 'producer-id': name, 'producer-sequence': String(this.#sequence) } : {}
    const body = { records: valuesOf(request).map((value) => ({ value })) }
    const answered = await api(url(), 'POST', `/topics/${topic}/records`, body, identity).catch(() => undefined)
    if (answered === undefined) {
      this.unknown++
      this.isRefused = true
      await sleep(REST_MS)
      if (kind === 'plain') records.unknown(topic, request)
      return kind === 'plain'
    }
    const answer = (kind === 'plain' && alter?.(answered)) || answered
    this.isRefused = answer.status !== 200
    if (this.isRefused) return this.#refused(answer)
    records.acknowledged(topic, request, answer.body.records)
    this.acknowledged += RECORDS_A_REQUEST
    this.#sequence++
    return true
  }

  /** It may be sent again for sure, and is told when. */
  #refused({ status, text, body, headers }: Answer): false {
    this.refused++
    const wait = Number(headers.get('retry-after'))
    const isDefinite = body.stored === 'no' && (body.code === 'KAFKA_STORAGE_ERROR' || body.code === 'SERVER_STOPPING')
    if (status !== 503 || !isDefinite || !(wait > 0)) {
      this.findings.push(`${this.options.name} was refused with ${status}, Retry-After ${wait}: ${text.slice(0, 300)}`)
    }
    return false
  }
}

export function valuesOf(request: string): string[] {
  return Array.from({ length: RECORDS_A_REQUEST }, (_, index) => {
    const label = `${request}/${index}|`
    return label + hash('sha256', label) + filling.slice(label.length)
  })
}
