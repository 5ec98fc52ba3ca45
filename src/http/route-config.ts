/** One request or reply, shown in the OpenAPI document. */
export interface RouteExamples {
  readonly request?: unknown
  /** By status. */
  readonly replies?: Readonly<Record<string, unknown>>
}

declare module 'fastify' {
  interface FastifyRequest {
    /** When its headers were there; monotonic milliseconds. */
    arrivedAt: number
    /** Bytes that it holds of what all requests may; see BodyAdmission. */
    heldBytes: number
    /** Of these, what was made of its body. */
    madeBytes: number
  }
  interface FastifyContextConfig {
    /**
     * The body is records: it stays bytes, which the handler reads itself, and no schema is applied to it. Whatever goes
     * wrong, the reply says what was `stored`.
     */
    publishes?: boolean
    /** The media type of the body; `application/json` if not given. */
    consumes?: string
    /** The media type of the reply; `application/json` if not given, `*` if `Accept` does not matter. */
    produces?: string
    examples?: RouteExamples
  }
}
