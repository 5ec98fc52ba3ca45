/**
 * A new id in Kafka's form (org.apache.kafka.common.Uuid): 16 random bytes as 22 characters of base64url. One that
 * begins with `-` is drawn again, as Kafka does: command lines would take it for an option.
 */
export function newUuid(random: (sizeBytes: number) => Uint8Array): string {
  for (;;) {
    const text = Buffer.from(random(16)).toString('base64url')
    if (!text.startsWith('-')) return text
  }
}

export function isUuid(text: string): boolean {
  return /^[A-Za-z0-9_-]{22}$/.test(text)
}

/** 32 hexadecimal digits: the form in the names of directories that wait for their removal. */
export function uuidToHex(uuid: string): string {
  return Buffer.from(uuid, 'base64url').toString('hex')
}
