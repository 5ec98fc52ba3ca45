import type { FastifyReply } from 'fastify'

const JSON_MEDIA_TYPE = 'application/json; charset=utf-8'

/** Sends bytes that are JSON already. */
export function sendJson(reply: FastifyReply, bytes: Buffer): void {
  void reply.header('content-type', JSON_MEDIA_TYPE).send(bytes)
}

/** The same for text that is all ASCII: head and body leave in one plain write. */
export function sendAscii(reply: FastifyReply, text: string): void {
  void reply.header('content-type', JSON_MEDIA_TYPE).send(text)
}

/** Sends bytes of another media type. */
export function sendBytes(reply: FastifyReply, mediaType: string, bytes: Buffer): void {
  void reply.header('content-type', mediaType).send(bytes)
}

export function sendNoContent(reply: FastifyReply): void {
  void reply.code(204).send()
}
