import { readFileSync, writeFileSync } from 'node:fs'
import { renderConfigurationDocs } from '../src/config/configuration-docs.ts'
import { renderErrorDocs } from '../src/http/error-docs.ts'
import { generateOpenApi } from '../src/http/openapi/generate-open-api.ts'
import { renderMetricsDocs } from '../src/observability/metrics-docs.ts'
import { withDifferences } from '../test/conformance/differences-table.ts'
import { kafkaDifferences } from '../test/conformance/kafka-differences.ts'

/** Writes what is generated and committed all the same; a test of each holds it to its source. */
function write(path: string, text: string): void {
  writeFileSync(new URL(`../${path}`, import.meta.url), text)
  process.stdout.write(`${path}\n`)
}

write('openapi/openapi.json', `${JSON.stringify(await generateOpenApi(), null, 2)}\n`)
write('docs/configuration.md', renderConfigurationDocs())
write('docs/errors.md', renderErrorDocs())
write('docs/metrics.md', renderMetricsDocs())

const scaling = readFileSync(new URL('../docs/scaling.md', import.meta.url), 'utf8')
write('docs/scaling.md', withDifferences(scaling, kafkaDifferences))
