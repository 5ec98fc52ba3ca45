import { importsOf, resolveImport, type SourceFile } from './source-files.ts'

/** Which rooms a room's files may import, besides their own. */
const allowedRooms: Readonly<Record<string, readonly string[]>> = {
  codec: [],
  broker: ['codec'],
  registry: ['broker'],
  embedded: ['broker', 'codec'],
  kafka: ['broker', 'codec'],
  observability: ['broker'],
  config: ['broker'],
  http: ['broker', 'registry', 'observability'],
  root: ['codec', 'broker', 'registry', 'embedded', 'kafka', 'observability', 'config', 'http'],
}

/** Where a package or built-in with side effects may appear; what is not listed may appear anywhere. */
const packageRooms: readonly { readonly name: RegExp; readonly rooms: readonly string[] }[] = [
  { name: /^better-sqlite3$/, rooms: ['embedded'] },
  { name: /^node:fs(\/promises)?$/, rooms: ['embedded', 'root'] },
  { name: /^(fastify|@fastify\/.*|typebox.*)$/, rooms: ['http'] },
  { name: /^(pino|prom-client)$/, rooms: ['observability'] },
  { name: /^@platformatic\/kafka$/, rooms: ['kafka'] },
  { name: /^close-with-grace$/, rooms: ['root'] },
]

/** `src/broker/engine.ts` lives in `broker`; files directly in `src/` in `root`. */
function roomOf(path: string): string {
  const parts = path.split('/')
  return parts.length > 2 ? (parts[1] ?? 'root') : 'root'
}

/** One sentence for each import that breaks the rule. */
export function importRuleBreaches(file: SourceFile): string[] {
  const room = roomOf(file.path)
  const allowed = allowedRooms[room]
  if (!allowed) return [`${file.path} lies in a room that the rule does not know: ${room}`]
  return importsOf(file.text).flatMap((specifier) => {
    const target = resolveImport(file.path, specifier)
    if (target === undefined) return packageBreach(file.path, room, specifier)
    if (target === 'src/app.ts') {
      return file.path === 'src/serve.ts' ? [] : [`${file.path} imports app.ts, which only serve.ts may`]
    }
    const targetRoom = roomOf(target)
    if (targetRoom === room || allowed.includes(targetRoom)) return []
    return [`${file.path} imports ${target}: ${room} may import ${allowed.join(', ') || 'nothing'}`]
  })
}

function packageBreach(path: string, room: string, specifier: string): string[] {
  const rule = packageRooms.find(({ name }) => name.test(specifier))
  if (!rule || rule.rooms.includes(room)) return []
  return [`${path} imports ${specifier}, which belongs in ${rule.rooms.join(', ')}`]
}
