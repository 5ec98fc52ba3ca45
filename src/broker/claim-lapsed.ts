import { BrokerError } from './broker-error.ts'
import type { PublishClaim } from './publish-claim.ts'

/**
 * The claim was worth nothing when it was appended: another server had stored the request, or the topic was made again.
 * Nothing was stored by it; who claims again is told what there is.
 */
export class ClaimLapsed extends BrokerError {
  /** What a client is told where claiming again is of no use. */
  readonly failure: BrokerError

  constructor(failure: BrokerError) {
    super(failure.code, failure.message, { ...failure.options, cause: failure })
    this.failure = failure
  }
}

/** Each time, another server has got further: more often than this only who is unlucky. */
const CLAIMS_MAX = 3

/** Publishes with a claim, and with another one where that lapses. */
export async function publishWithClaim<Result>(
  claim: () => PublishClaim | Promise<PublishClaim>,
  publish: (claim: PublishClaim) => Promise<Result>,
): Promise<Result> {
  for (let claims = 1; ; claims++) {
    try {
      return await publish(await claim())
    } catch (error) {
      if (!(error instanceof ClaimLapsed)) throw error
      if (claims === CLAIMS_MAX) throw error.failure
    }
  }
}
