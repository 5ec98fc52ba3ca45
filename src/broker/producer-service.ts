import { BrokerError } from './broker-error.ts'
import type { Engine } from './engine.ts'
import type { ProducerDescription } from './publish-claim.ts'
import { lookUpTopic } from './topic-lookup.ts'

/** Tells producers that lost count where they are. */
export class ProducerService {
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Rejects with UNKNOWN_TOPIC_OR_PARTITION, or UNKNOWN_PRODUCER_ID with status 404. */
  async describe(topic: string, producerId: string): Promise<ProducerDescription> {
    const { name } = await lookUpTopic(this.#engine, topic)
    const found = await this.#engine.producers.describe(name, producerId)
    if (found !== undefined) return { epoch: found.epoch, nextSequence: found.nextSequence }
    const detail =
      `The topic "${name}" knows no producer ${JSON.stringify(producerId)}: it published nothing here, or nothing within ` +
      'producer.id.expiration.ms. It begins with Producer-Sequence: 0.'
    throw new BrokerError('UNKNOWN_PRODUCER_ID', detail, { status: 404, errors: [{ pointer: 'producerId', detail }] })
  }
}
