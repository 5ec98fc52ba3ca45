import swaggerUi from '@fastify/swagger-ui'
import { renderErrorPage } from '../error-docs.ts'
import type { App } from '../controller.ts'

/** Serves the document and its pages: `/openapi.json`, `/docs`, `/docs/errors`. Nothing is loaded from elsewhere. */
export async function servePages(app: App): Promise<void> {
  const errorPage = renderErrorPage()
  let document: string | undefined
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) => {
    document ??= JSON.stringify(app.swagger())
    return reply.type('application/json').send(document)
  })
  app.get('/docs/errors', { schema: { hide: true }, config: { produces: 'text/html' } }, (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(errorPage),
  )
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true, uiConfig: { deepLinking: true } })
}
