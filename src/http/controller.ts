import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { TSchema } from 'typebox'

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** One resource of the API: its routes, and the named components of the OpenAPI document that they refer to. */
export interface Controller {
  /** Schemas made with `component()`; a schema may be listed by several controllers. */
  readonly components: readonly TSchema[]
  routes(app: App): void
}
