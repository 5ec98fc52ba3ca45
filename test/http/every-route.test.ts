import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateOpenApi } from '../../src/http/openapi/generate-open-api.ts'
import { startApi } from './api-server.ts'

interface Operation {
  readonly requestBody?: {
    readonly content: Readonly<
      Record<string, { readonly examples?: Readonly<Record<string, { readonly value: unknown }>> }>
    >
  }
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

/** Validators are made when a route is first asked for: a schema that cannot be compiled would show there, as a 500. */
test('every route checks what it is asked', async (t) => {
  const { paths }: Document = JSON.parse(JSON.stringify(await generateOpenApi()))
  const { url } = await startApi(t)
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
  assert.ok(routes.length > 30)
  for (const { path, method, operation } of routes) {
    const target = path.replaceAll(/\{(\w+)\}/g, '1')
    const response = await fetch(`${url}${target}?noSuchParameter=1`, { method, ...bodyFor(operation) })
    const problem = await response.text()
    assert.equal(response.status, 400, `${method} ${path}: ${problem}`)
    assert.match(problem, /\?noSuchParameter/, `${method} ${path}`)
  }
})

/** The body that the document gives as an example, so that only the parameter is at fault. */
function bodyFor({ requestBody }: Operation): RequestInit {
  const [type, media] = Object.entries(requestBody?.content ?? {})[0] ?? []
  if (type === undefined) return {}
  const [example] = Object.values(media?.examples ?? {})
  return { body: JSON.stringify(example?.value ?? {}), headers: { 'content-type': type } }
}
