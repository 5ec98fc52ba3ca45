import type { TSchema } from 'typebox'
import { component } from './component.ts'
import { MAX_INTEGER } from './integers.ts'
import { Type } from './type.ts'

export const ProducerSchema = component('Producer', 'Where a producer is that counts its requests to a topic.', {
  epoch: Type.Integer({ format: 'int32', description: 'The newest `Producer-Epoch`.' }),
  nextSequence: Type.Integer({
    format: 'int64',
    maximum: MAX_INTEGER,
    description: 'The `Producer-Sequence` of its next request in this epoch.',
  }),
})

export const producerComponents: readonly TSchema[] = [ProducerSchema]
