/** What became of one request's records for one partition, as far as its sender knows. */
export type Outcome = 'open' | 'stored' | 'refused' | 'unknown'

export interface SentPart {
  readonly values: readonly string[]
  outcome: Outcome
}

export interface SentRequest {
  readonly topicId: string
  readonly id: number
  /** By partition. */
  readonly parts: ReadonlyMap<number, SentPart>
}

/** A value that says by itself where it belongs: `request.partition.index|key|padding`. */
const FORM = /^(\d+)\.(\d+)\.(\d+)\|([^|]*)\|x*$/

export interface NewValue {
  readonly key: string
  readonly paddingBytes: number
}

/** Every request that was ever sent: no record of a log is of none of them. */
export class SentRequests {
  readonly #requests: SentRequest[] = []

  /** @param parts by partition, what each of its records is to be */
  add(topicId: string, parts: ReadonlyMap<number, readonly NewValue[]>): SentRequest {
    const id = this.#requests.length
    const sent = new Map<number, SentPart>()
    for (const [partition, values] of parts) {
      const texts = values.map(({ key, paddingBytes }, index) => {
        return `${id}.${partition}.${index}|${key}|${'x'.repeat(paddingBytes)}`
      })
      sent.set(partition, { values: texts, outcome: 'open' })
    }
    const request = { topicId, id, parts: sent }
    this.#requests.push(request)
    return request
  }

  all(): readonly SentRequest[] {
    return this.#requests
  }

  /** Of the request that wrote the value; throws where nobody did, or not there. */
  partOf(
    topicId: string,
    partition: number,
    value: string,
  ): { readonly request: SentRequest; readonly part: SentPart } {
    const [, id, , index] = FORM.exec(value) ?? []
    const request = this.#requests[Number(id)]
    const part = request?.parts.get(partition)
    if (!request || request.topicId !== topicId || part?.values[Number(index)] !== value) {
      throw new Error(`a record that nobody sent is in partition ${partition}: ${short(value)}`)
    }
    return { request, part }
  }

  /** The process is gone: nobody will answer what is open. */
  forgetOpen(): void {
    for (const { parts } of this.#requests) {
      for (const part of parts.values()) if (part.outcome === 'open') part.outcome = 'unknown'
    }
  }
}

export function keyOf(value: string): string {
  return FORM.exec(value)?.[4] ?? ''
}

export function short(value: string): string {
  return value.length > 30 ? `${value.slice(0, 30)}…` : value
}
