import { jsonCall } from './http-call.ts'

/** What is wrong, as readiness tells it: `kind: detail`. */
export async function troublesOf(server: { readonly url: string }): Promise<string[]> {
  const reply = await jsonCall('GET', `${server.url}/health/ready`)
  const { troubles: found = [] } = JSON.parse(reply?.text ?? '{}') as { troubles?: { kind: string; detail: string }[] }
  return found.map(({ kind, detail }) => `${kind}: ${detail}`)
}
