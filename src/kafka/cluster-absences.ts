import { BrokerError } from '../broker/broker-error.ts'

/* What a cluster does not have, or not now. */

export function unknownNode(nodeId: number): BrokerError {
  return new BrokerError('BROKER_NOT_AVAILABLE', `The cluster knows no node ${nodeId} now. Send the request again.`, {
    retryAfterSeconds: 1,
  })
}

export function noController(): BrokerError {
  return new BrokerError('NOT_CONTROLLER', 'The cluster has no controller now. Send the request again.', {
    retryAfterSeconds: 1,
  })
}

export function unknownPartition(topic: string, partition: number): BrokerError {
  return new BrokerError(
    'UNKNOWN_TOPIC_OR_PARTITION',
    `The cluster has no partition ${partition} of the topic "${topic}".`,
  )
}
