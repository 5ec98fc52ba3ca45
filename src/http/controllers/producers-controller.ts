import type { ProducerService } from '../../broker/producer-service.ts'
import type { App, Controller } from '../controller.ts'
import { checkedProducerId } from '../publish-identity.ts'
import { ref } from '../schemas/component.ts'
import { ProducerParams } from '../schemas/parameters.ts'
import { problemReplies } from '../schemas/problem.ts'
import { producerComponents, ProducerSchema } from '../schemas/producers.ts'

const GetProducer = {
  operationId: 'getProducer',
  summary: 'Get the sequence of a producer',
  description:
    'For a producer that lost count. It may not know whether its last request was stored: it goes on with `epoch` + 1 and ' +
    'sequence 0, which also ends what is still under way of the old epoch.',
  tags: ['Records'],
  params: ProducerParams,
  response: { 200: ref(ProducerSchema), ...problemReplies },
}

export class ProducersController implements Controller {
  readonly components = producerComponents
  readonly #producers: ProducerService

  constructor(producers: ProducerService) {
    this.#producers = producers
  }

  routes(app: App): void {
    app.get(
      '/topics/:topic/producers/:producerId',
      { schema: GetProducer, config: { examples: { replies: { 200: { epoch: 0, nextSequence: 42 } } } } },
      ({ params }) => this.#producers.describe(params.topic, checkedProducerId('producerId', params.producerId)),
    )
  }
}
