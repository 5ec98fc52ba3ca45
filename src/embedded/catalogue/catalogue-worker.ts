import assert from 'node:assert/strict'
import { parentPort } from 'node:worker_threads'
import { errorCode, errorMessage, StartupError } from '../startup-error.ts'
import { CatalogueDatabase } from './catalogue-database.ts'
import type { WorkerReply, WorkerRequest } from './catalogue-messages.ts'

// The thread that writes catalogue.db: one request at a time, in the order sent, each answered when it is durable.

assert.ok(parentPort, 'runs as a worker thread')
const port = parentPort
let database: CatalogueDatabase | undefined

port.on('message', (request: WorkerRequest) => {
  if (request === 'close') {
    answer(() => database?.close())
    // Ends the thread, once the reply is sent.
    port.close()
  } else if (request.kind === 'open') {
    const { file, initial } = request
    answer(() => {
      database = initial ? CatalogueDatabase.create(file, initial) : CatalogueDatabase.open(file)
      return database.state()
    })
  } else answer(() => database?.apply(request))
})

function answer(step: () => WorkerReply['state'] | void): void {
  let reply: WorkerReply
  try {
    reply = { state: step() ?? undefined }
  } catch (error) {
    reply = { error: { message: errorMessage(error), code: errorCode(error), startup: error instanceof StartupError } }
  }
  port.postMessage(reply)
}
