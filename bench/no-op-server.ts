import { readFileSync } from 'node:fs'
import fastify from 'fastify'

/**
 * The baseline: a Fastify route that takes the same body, lets Fastify parse it, throws it away, and sends a ready-made
 * reply of the size the real server sends. What it reaches is what HTTP and JSON.parse leave on this machine.
 *
 * Arguments: the file with the reply.
 */
const reply = readFileSync(process.argv[2] ?? '')
const app = fastify({ bodyLimit: 32 * 1024 * 1024 })
app.post('/topics/:topic/records', (_request, response) => {
  void response.header('content-type', 'application/json; charset=utf-8').send(reply)
})
const url = await app.listen({ host: '127.0.0.1', port: 0 })
process.stdout.write(`Posthorn is ready at ${url}\n`)
