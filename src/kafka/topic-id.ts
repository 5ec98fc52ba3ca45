/** `0a1b…` with hyphens, as the client library writes UUIDs → 22 characters of base64url, as Kafka does. */
export function topicIdOfUuid(uuid: string): string {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url')
}

/** The other way round. Text that is no topic id becomes the id of no topic. */
export function uuidOfTopicId(topicId: string): string {
  const hex = Buffer.from(topicId, 'base64url').toString('hex').padEnd(32, '0').slice(0, 32)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
