/**
 * Every operating error a client can be told of. Codes are Kafka's error names where Kafka has one
 * (org.apache.kafka.common.protocol.Errors), and are never renamed.
 */
export interface ErrorEntry {
  /** Kafka's numeric error code; absent where the error is ours alone. */
  readonly kafkaCode?: number
  readonly status: number
  readonly title: string
  /** The same request, unchanged, may succeed later. */
  readonly retriable: boolean
  readonly recovery: Recovery
}

/** What a client does next: an open set on the wire. */
export type Recovery = 'retry' | 'fetch' | 'rejoin' | 'reset' | 'none'

const never = { retriable: false, recovery: 'none' } as const
const rejoin = { retriable: false, recovery: 'rejoin' } as const
const later = { retriable: true, recovery: 'retry' } as const

export const errorCatalogue = {
  // Kafka's
  UNKNOWN_SERVER_ERROR: { kafkaCode: -1, status: 500, title: 'Unexpected server error', ...never },
  OFFSET_OUT_OF_RANGE: {
    kafkaCode: 1,
    status: 416,
    title: 'Offset out of range',
    retriable: false,
    recovery: 'reset',
  },
  CORRUPT_MESSAGE: { kafkaCode: 2, status: 422, title: 'Corrupt record batch', ...never },
  UNKNOWN_TOPIC_OR_PARTITION: { kafkaCode: 3, status: 404, title: 'Unknown topic or partition', ...never },
  LEADER_NOT_AVAILABLE: { kafkaCode: 5, status: 503, title: 'The partition has no leader', ...later },
  NOT_LEADER_OR_FOLLOWER: { kafkaCode: 6, status: 503, title: 'The partition moved to another node', ...later },
  REQUEST_TIMED_OUT: { kafkaCode: 7, status: 503, title: 'The cluster did not answer in time', ...later },
  BROKER_NOT_AVAILABLE: { kafkaCode: 8, status: 503, title: 'The cluster cannot be reached', ...later },
  REPLICA_NOT_AVAILABLE: { kafkaCode: 9, status: 503, title: 'A replica is not available', ...later },
  MESSAGE_TOO_LARGE: { kafkaCode: 10, status: 413, title: 'Record too large', ...never },
  OFFSET_METADATA_TOO_LARGE: { kafkaCode: 12, status: 413, title: 'Offset metadata too large', ...never },
  NETWORK_EXCEPTION: { kafkaCode: 13, status: 503, title: 'The connection to the cluster broke', ...later },
  COORDINATOR_LOAD_IN_PROGRESS: { kafkaCode: 14, status: 503, title: 'Group coordinator is loading', ...later },
  COORDINATOR_NOT_AVAILABLE: { kafkaCode: 15, status: 503, title: 'Group coordinator not available', ...later },
  NOT_COORDINATOR: { kafkaCode: 16, status: 503, title: 'The group moved to another node', ...later },
  INVALID_TOPIC_EXCEPTION: { kafkaCode: 17, status: 400, title: 'Invalid topic', ...never },
  RECORD_LIST_TOO_LARGE: { kafkaCode: 18, status: 413, title: 'Record batch larger than a segment', ...never },
  NOT_ENOUGH_REPLICAS: { kafkaCode: 19, status: 503, title: 'Too few replicas are in sync', ...later },
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: {
    kafkaCode: 20,
    status: 503,
    title: 'Too few replicas have the records',
    ...later,
  },
  INVALID_REQUIRED_ACKS: { kafkaCode: 21, status: 400, title: 'Invalid acks', ...never },
  INCONSISTENT_GROUP_PROTOCOL: { kafkaCode: 23, status: 409, title: 'The group is of another kind', ...never },
  INVALID_GROUP_ID: { kafkaCode: 24, status: 400, title: 'Invalid group id', ...never },
  UNKNOWN_MEMBER_ID: { kafkaCode: 25, status: 404, title: 'Unknown member', ...rejoin },
  TOPIC_AUTHORIZATION_FAILED: { kafkaCode: 29, status: 403, title: 'Not authorized for the topic', ...never },
  GROUP_AUTHORIZATION_FAILED: { kafkaCode: 30, status: 403, title: 'Not authorized for the group', ...never },
  CLUSTER_AUTHORIZATION_FAILED: { kafkaCode: 31, status: 403, title: 'Not authorized for the cluster', ...never },
  INVALID_TIMESTAMP: { kafkaCode: 32, status: 422, title: 'Timestamp out of bounds', ...never },
  UNSUPPORTED_VERSION: { kafkaCode: 35, status: 501, title: 'Not offered with this cluster', ...never },
  TOPIC_ALREADY_EXISTS: { kafkaCode: 36, status: 409, title: 'Topic already exists', ...never },
  INVALID_PARTITIONS: { kafkaCode: 37, status: 400, title: 'Invalid number of partitions', ...never },
  INVALID_REPLICATION_FACTOR: { kafkaCode: 38, status: 400, title: 'Invalid replication factor', ...never },
  INVALID_REPLICA_ASSIGNMENT: { kafkaCode: 39, status: 400, title: 'Invalid replica assignment', ...never },
  INVALID_CONFIG: { kafkaCode: 40, status: 400, title: 'Invalid topic config', ...never },
  NOT_CONTROLLER: { kafkaCode: 41, status: 503, title: 'The cluster has no controller now', ...later },
  INVALID_REQUEST: { kafkaCode: 42, status: 400, title: 'Invalid request', ...never },
  // Retriable, unlike Kafka's: sent again behind its predecessor, the same request succeeds.
  OUT_OF_ORDER_SEQUENCE_NUMBER: { kafkaCode: 45, status: 409, title: 'A sequence before it is missing', ...later },
  DUPLICATE_SEQUENCE_NUMBER: { kafkaCode: 46, status: 409, title: 'Older than what is remembered', ...never },
  INVALID_PRODUCER_EPOCH: { kafkaCode: 47, status: 409, title: 'A newer epoch of the producer exists', ...never },
  INVALID_TXN_STATE: { kafkaCode: 48, status: 503, title: 'The transaction is in another state', ...later },
  CONCURRENT_TRANSACTIONS: { kafkaCode: 51, status: 503, title: 'The transaction before it is not finished', ...later },
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: {
    kafkaCode: 53,
    status: 403,
    title: 'Not authorized for transactions',
    ...never,
  },
  POLICY_VIOLATION: { kafkaCode: 44, status: 403, title: 'Not allowed by the policy', ...never },
  KAFKA_STORAGE_ERROR: { kafkaCode: 56, status: 503, title: 'Storage error', ...later },
  SASL_AUTHENTICATION_FAILED: { kafkaCode: 58, status: 503, title: 'The cluster refuses the credentials', ...later },
  UNKNOWN_PRODUCER_ID: { kafkaCode: 59, status: 409, title: 'Unknown producer', ...never },
  REASSIGNMENT_IN_PROGRESS: { kafkaCode: 60, status: 503, title: 'Replicas are being moved', ...later },
  NON_EMPTY_GROUP: { kafkaCode: 68, status: 409, title: 'The group has members', ...never },
  GROUP_ID_NOT_FOUND: { kafkaCode: 69, status: 404, title: 'Unknown consumer group', ...never },
  TOPIC_DELETION_DISABLED: { kafkaCode: 73, status: 403, title: 'Topic deletion is disabled', ...never },
  FENCED_LEADER_EPOCH: { kafkaCode: 74, status: 503, title: 'The partition has a newer leader', ...later },
  UNKNOWN_LEADER_EPOCH: { kafkaCode: 75, status: 503, title: 'The partition has a newer leader', ...later },
  UNSUPPORTED_COMPRESSION_TYPE: { kafkaCode: 76, status: 415, title: 'Unsupported compression', ...never },
  OFFSET_NOT_AVAILABLE: { kafkaCode: 78, status: 503, title: 'The new leader does not know its end yet', ...later },
  GROUP_MAX_SIZE_REACHED: { kafkaCode: 81, status: 403, title: 'The group is full', ...never },
  FENCED_INSTANCE_ID: { kafkaCode: 82, status: 409, title: 'Another member took over', ...never },
  GROUP_SUBSCRIBED_TO_TOPIC: { kafkaCode: 86, status: 409, title: 'The group reads the topic', ...never },
  INVALID_RECORD: { kafkaCode: 87, status: 422, title: 'Invalid record', ...never },
  UNSTABLE_OFFSET_COMMIT: { kafkaCode: 88, status: 503, title: 'An offset is being committed', ...later },
  THROTTLING_QUOTA_EXCEEDED: { kafkaCode: 89, status: 429, title: 'The quota of the cluster is used up', ...later },
  PRODUCER_FENCED: { kafkaCode: 90, status: 409, title: 'A newer epoch of the producer exists', ...never },
  UNKNOWN_TOPIC_ID: { kafkaCode: 100, status: 404, title: 'The topic was deleted and created again', ...never },
  FENCED_MEMBER_EPOCH: { kafkaCode: 110, status: 409, title: 'Fenced member', ...rejoin },
  UNRELEASED_INSTANCE_ID: { kafkaCode: 111, status: 409, title: 'Instance id in use', ...never },
  UNSUPPORTED_ASSIGNOR: { kafkaCode: 112, status: 400, title: 'Unsupported assignor', ...never },
  STALE_MEMBER_EPOCH: {
    kafkaCode: 113,
    status: 409,
    title: 'No longer the owner',
    retriable: false,
    recovery: 'fetch',
  },

  // Ours
  INVALID_JSON: { status: 400, title: 'Invalid JSON', ...never },
  INVALID_CURSOR: { status: 400, title: 'Invalid cursor', ...never },
  NO_OFFSET_FOR_PARTITION: { status: 409, title: 'Nothing committed', retriable: false, recovery: 'reset' },
  IDEMPOTENCY_MISMATCH: { status: 422, title: 'Another request has this identity', ...never },
  PRODUCER_STATE_FULL: { status: 429, title: 'No room to remember more requests', ...later },
  RECORD_NOT_FOUND: { status: 404, title: 'No record at this offset', ...never },
  ROUTE_NOT_FOUND: { status: 404, title: 'No such path', ...never },
  METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed', ...never },
  NOT_ACCEPTABLE: { status: 406, title: 'Not acceptable', ...never },
  REQUEST_TIMEOUT: { status: 408, title: 'The request took too long to arrive', ...later },
  REQUEST_TOO_LARGE: { status: 413, title: 'Request body too large', ...never },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'Unsupported media type', ...never },
  MISDIRECTED_REQUEST: { status: 421, title: 'This host is not served here', ...never },
  ORIGIN_NOT_ALLOWED: { status: 403, title: 'Origin not allowed', ...never },
  REQUEST_HEADERS_TOO_LARGE: { status: 431, title: 'Request headers too large', ...never },
  NOT_READY: { status: 503, title: 'The server is not ready', ...later },
  SERVER_OVERLOADED: { status: 503, title: 'The server is overloaded', ...later },
  SERVER_STOPPING: { status: 503, title: 'The server is stopping', ...later },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof errorCatalogue
