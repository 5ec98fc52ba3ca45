import { errorCatalogue, type ErrorEntry } from '../broker/error-catalogue.ts'

const entries: readonly (readonly [string, ErrorEntry])[] = Object.entries(errorCatalogue)

const introduction = `Every error reply is a problem document (RFC 9457, \`application/problem+json\`) with at least \`type\`, \`title\`, \`status\`,
\`detail\`, \`code\`, \`retriable\` and \`recovery\`. Decide by \`code\`; \`detail\` is for people and may change.
\`retriable\`: the same request, unchanged, may succeed later. \`recovery\` says what a client does next.
A failed publish also says \`stored\`: \`no\`, \`partial\` or \`unknown\`. Faults in a request are listed in \`errors\`.

\`requestId\` is the client’s own \`X-Request-Id\` or a number the server gave, and stands in the server’s log: at \`log.level=debug\`
for what a client got wrong and for what could not be served (503), at \`error\` for what was not expected (500). That requests
cannot be served is logged at \`warn\` when it begins, with counts once a minute while it lasts, and when it is over. The log
never quotes records.`

/** docs/errors.md, from the catalogue. */
export function renderErrorDocs(): string {
  const rows = entries.map(([code, entry]) => {
    const kafka = entry.kafkaCode === undefined ? '' : String(entry.kafkaCode)
    return `| <a id="${code}"></a>\`${code}\` | ${statusesOf(code, entry)} | ${kafka} | ${yesNo(entry)} | \`${entry.recovery}\` | ${entry.title} |`
  })
  return `# Errors

<!-- Generated from src/broker/error-catalogue.ts by \`npm run generate\`. -->

${introduction}

| code | status | Kafka’s code | retriable | recovery | meaning |
| ---- | ------ | ------------ | --------- | -------- | ------- |
${rows.join('\n')}
`
}

/** The same as a page of the server, where the `type` of a problem leads. */
export function renderErrorPage(): string {
  const rows = entries.map(
    ([code, entry]) =>
      `<tr id="${code}"><td><code>${code}</code></td><td>${statusesOf(code, entry)}</td><td>${yesNo(entry)}</td>` +
      `<td>${entry.recovery}</td><td>${entry.title}</td></tr>`,
  )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Posthorn: errors</title></head>
<body><h1>Errors</h1><table>
<tr><th>code</th><th>status</th><th>retriable</th><th>recovery</th><th>meaning</th></tr>
${rows.join('\n')}
</table></body></html>
`
}

/** Of codes that have several. */
const statuses: Readonly<Record<string, string>> = { OFFSET_OUT_OF_RANGE: '410, 416', UNKNOWN_PRODUCER_ID: '404, 409' }

function statusesOf(code: string, entry: ErrorEntry): string {
  return statuses[code] ?? String(entry.status)
}

function yesNo(entry: ErrorEntry): string {
  return entry.retriable ? 'yes' : 'no'
}
