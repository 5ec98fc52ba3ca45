import { BrokerError } from '../broker/broker-error.ts'

export function stoppingError(): BrokerError {
  return new BrokerError('SERVER_STOPPING', 'The server is stopping. Send the request again when it is back.', {
    stored: 'no',
    retryAfterSeconds: 5,
  })
}
