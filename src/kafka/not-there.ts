import { BrokerError } from '../broker/broker-error.ts'

/** @param what begins the sentence: `Publishing` */
export function notThere(what: string): BrokerError {
  return new BrokerError(
    'UNSUPPORTED_VERSION',
    `${what} is not there yet with engine=kafka. docs/scaling.md lists what is.`,
    { stored: 'no' },
  )
}
