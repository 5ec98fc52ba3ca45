import { writeFileSync } from 'node:fs'
import { renderConfigurationDocs } from '../src/config/configuration-docs.ts'
import { renderErrorDocs } from '../src/http/error-docs.ts'
import { generateOpenApi } from '../src/http/openapi/generate-open-api.ts'
import { renderMetricsDocs } from '../src/observability/metrics-docs.ts'

/** Writes what is generated and committed all the same; a test of each holds it to its source. */
function write(path: string, text: string): void {
  writeFileSync(new URL(`../${path}`, import.meta.url), text)
  process.stdout.write(`${path}\n`)
}

write('openapi/openapi.json', `${JSON.stringify(await generateOpenApi(), null, 2)}\n`)
write('docs/configuration.md', renderConfigurationDocs())
write('docs/errors.md', renderErrorDocs())
write('docs/metrics.md', renderMetricsDocs())
