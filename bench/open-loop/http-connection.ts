import { connect, type Socket } from 'node:net'

export interface HttpReply {
  readonly status: number
  readonly body: Buffer
}

const HEAD_END = Buffer.from('\r\n\r\n')

/**
 * A kept-alive HTTP/1.1 connection with one request under way at most. It knows replies with a content-length only,
 * which is what the server sends to publishes and reads of pages; it costs a fraction of Node's own client, so that the
 * generator leaves the machine to the server.
 */
export class HttpConnection {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #waiting: { readonly resolve: (reply: HttpReply) => void; readonly reject: (error: Error) => void } | undefined
  #broken: Error | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  static async open(origin: string): Promise<HttpConnection> {
    const { hostname, port } = new URL(origin)
    const opened = Promise.withResolvers<void>()
    const socket = connect({ host: hostname, port: Number(port) }, opened.resolve)
    socket.once('error', opened.reject)
    await opened.promise
    return new HttpConnection(socket)
  }

  send(request: Buffer): Promise<HttpReply> {
    const { promise, resolve, reject } = Promise.withResolvers<HttpReply>()
    if (this.#broken) reject(this.#broken)
    else {
      this.#waiting = { resolve, reject }
      this.#socket.write(request)
    }
    return promise
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    const parsed = parseReply(this.#received)
    if (parsed === undefined) return
    this.#received = this.#received.subarray(parsed.sizeBytes)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(parsed)
  }

  #fail(error: Error): void {
    this.#broken ??= error
    this.#waiting?.reject(this.#broken)
    this.#waiting = undefined
  }
}

/** The reply at the start of the bytes; undefined while it is not whole. */
export function parseReply(bytes: Buffer): (HttpReply & { readonly sizeBytes: number }) | undefined {
  const headEnd = bytes.indexOf(HEAD_END)
  if (headEnd < 0) return undefined
  const head = bytes.toString('latin1', 0, headEnd)
  const status = Number(head.slice(9, 12))
  const length = status === 204 ? '0' : /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`a reply without content-length:\n${head}`)
  const bodyStart = headEnd + HEAD_END.length
  const sizeBytes = bodyStart + Number(length)
  if (bytes.length < sizeBytes) return undefined
  return { status, body: bytes.subarray(bodyStart, sizeBytes), sizeBytes }
}

export function getRequest(origin: string, path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: ${new URL(origin).host}\r\n\r\n`, 'latin1')
}

export function postRequest(origin: string, path: string, contentType: string, body: Buffer): Buffer {
  return requestWithBody(origin, 'POST', path, contentType, body)
}

export function jsonRequest(origin: string, method: 'PUT' | 'POST', path: string, body: object): Buffer {
  return requestWithBody(origin, method, path, 'application/json', Buffer.from(JSON.stringify(body)))
}

export function deleteRequest(origin: string, path: string): Buffer {
  return Buffer.from(`DELETE ${path} HTTP/1.1\r\nhost: ${new URL(origin).host}\r\n\r\n`, 'latin1')
}

function requestWithBody(origin: string, method: string, path: string, contentType: string, body: Buffer): Buffer {
  const head =
    `${method} ${path} HTTP/1.1\r\nhost: ${new URL(origin).host}\r\ncontent-type: ${contentType}\r\n` +
    `content-length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), body])
}
