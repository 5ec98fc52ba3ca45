import { once } from 'node:events'
import { createServer } from 'node:net'

/** So many ports of this machine that nobody listens on, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  const ports: number[] = []
  for (const server of servers) {
    if (!server.listening) await once(server, 'listening')
    const address = server.address()
    ports.push(typeof address === 'object' && address !== null ? address.port : 0)
  }
  for (const server of servers) {
    server.close()
    await once(server, 'close')
  }
  return ports
}
