import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'

const PIECE_BYTES = 256 * 1024

export interface StreamedLines {
  readonly recordCount: number
  readonly partitions: readonly {
    readonly partition: number
    readonly recordCount: number
    readonly firstOffset: number
    readonly lastOffset: number
  }[]
}

/**
 * One request whose body is these lines over and over, as fast as the server takes them, until there are enough. Resolves
 * with what the server says of them.
 *
 * @param lines whole ones, each shorter than 256 KiB
 * @param enough asked before each piece, with the bytes sent so far
 */
export async function streamLines(
  url: string,
  lines: Buffer,
  enough: (sentBytes: number) => boolean,
): Promise<StreamedLines & { readonly sentBytes: number }> {
  const headers = { 'content-type': 'application/x-ndjson' }
  const outgoing = request(url, { method: 'POST', headers, agent: false })
  const answered = new AbortController()
  const answer = (once(outgoing, 'response') as Promise<[IncomingMessage]>).finally(() => answered.abort())
  let sentBytes = 0
  // An answer before the end of the body is a refusal, which is read below.
  for (let at = 0; !answered.signal.aborted && !enough(sentBytes);) {
    const end = lines.lastIndexOf(0x0a, at + PIECE_BYTES - 1) + 1
    sentBytes += end - at
    if (!outgoing.write(lines.subarray(at, end))) await Promise.race([once(outgoing, 'drain'), answer])
    at = end % lines.length
  }
  outgoing.end()
  return { ...(await replyTo(outgoing, answer)), sentBytes }
}

async function replyTo({ path }: ClientRequest, answer: Promise<[IncomingMessage]>): Promise<StreamedLines> {
  const [response] = await answer
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${text}`)
  return JSON.parse(text) as StreamedLines
}
