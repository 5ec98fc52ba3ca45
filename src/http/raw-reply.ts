import type { FastifyReply } from 'fastify'

const JSON_MEDIA_TYPE = 'application/json; charset=utf-8'

/** Sends bytes that are JSON already. */
export function sendJson(reply: FastifyReply, bytes: Buffer): void {
  void reply.header('content-type', JSON_MEDIA_TYPE).send(bytes)
}

/** Above it, a gathered write of head and body is cheaper than making a string of the body. */
const STRING_MAX_BYTES = 16_384

/** The same for bytes that are all ASCII: if they are few, head and body leave in one plain write. */
export function sendAscii(reply: FastifyReply, bytes: Buffer): void {
  const payload = bytes.length <= STRING_MAX_BYTES ? bytes.toString('latin1') : bytes
  void reply.header('content-type', JSON_MEDIA_TYPE).send(payload)
}

export function sendNoContent(reply: FastifyReply): void {
  void reply.code(204).send()
}
