import { Agent, request } from 'node:http'

export interface Reply {
  readonly status: number
  readonly text: string
  /** false: the connection broke in the middle of it. */
  readonly isWhole: boolean
}

export interface Call {
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

const GIVE_UP_MS = 30_000
const agent = new Agent({ keepAlive: true })

/** undefined: no answer came, so what became of it is not known. */
export function httpCall({ method, url, headers = {}, body }: Call): Promise<Reply | undefined> {
  return new Promise((resolve) => {
    const outgoing = request(url, { method, agent, headers, timeout: GIVE_UP_MS }, (response) => {
      const chunks: Buffer[] = []
      const end = (isWhole: boolean): void => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString(), isWhole })
      }
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => end(response.complete))
      response.on('error', () => end(false))
      response.on('close', () => end(response.complete))
    })
    outgoing.on('error', () => resolve(undefined))
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${url}: no answer for ${GIVE_UP_MS} ms`)))
    outgoing.end(body)
  })
}

export function jsonCall(method: string, url: string, body?: object, headers?: Readonly<Record<string, string>>) {
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  return httpCall({
    method,
    url,
    headers: { ...type, ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}
