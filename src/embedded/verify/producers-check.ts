import type { ProducersFileMark } from '../commit/producers-file-section.ts'
import {
  PIECE_MAX_BYTES,
  PRODUCERS_HEADER_BYTES,
  decodeProducersHeader,
  isWholePiece,
  PIECE_HEAD_BYTES,
} from '../producers/producers-file.ts'
import { readRequestFacts } from '../producers/request-facts-codec.ts'
import type { Finding } from './finding.ts'

type FileFinding = Omit<Finding, 'file'>

const MEANING =
  'requests with a Producer-Id or an Idempotency-Key that were known may be stored twice if they are sent again'

/** What is wrong with the `producers` file, given its bytes and what the last checkpoint counts on of it. */
export function checkProducersFile(content: Buffer | undefined, mark: ProducersFileMark | undefined): FileFinding[] {
  if (content === undefined) {
    return mark === undefined ? [] : [{ consequence: 'lost', problem: 'the file is missing', meaning: MEANING }]
  }
  const header = decodeProducersHeader(content.subarray(0, PRODUCERS_HEADER_BYTES))
  if (!header) {
    const problem = 'the header of the file is damaged'
    return [{ position: 0, end: PRODUCERS_HEADER_BYTES, consequence: 'lost', problem, meaning: MEANING }]
  }
  const findings: FileFinding[] = strayBytes(content)
  if (mark && header.generation < mark.generation) {
    const problem = `it is of generation ${header.generation}; the last checkpoint counts on ${mark.generation}`
    findings.push({ consequence: 'lost', problem, meaning: MEANING })
  }
  const owedBytes = header.generation === mark?.generation ? mark.sizeBytes : header.initialBytes
  findings.push(...pieceFindings(content, owedBytes))
  return findings
}

/** Of the header, what its CRC leaves out. */
function strayBytes(content: Buffer): FileFinding[] {
  for (let at = 40; at < PRODUCERS_HEADER_BYTES; at++) {
    if (content[at] === 0) continue
    const problem = 'bytes that are only there to fill the header are not zero'
    return [
      { position: at, end: PRODUCERS_HEADER_BYTES, consequence: 'harmless', problem, meaning: 'nothing reads them' },
    ]
  }
  return []
}

function pieceFindings(content: Buffer, owedBytes: number): FileFinding[] {
  const findings: FileFinding[] = []
  let at = PRODUCERS_HEADER_BYTES
  while (at + PIECE_HEAD_BYTES <= content.length) {
    const end = at + PIECE_HEAD_BYTES + content.readUInt32BE(at + 4)
    if (end > content.length || end - at > PIECE_MAX_BYTES) break
    if (isWholePiece(content, at)) {
      if (!areFacts(content, at + PIECE_HEAD_BYTES, end)) {
        const problem = 'facts have the CRC of their bytes, but do not parse'
        findings.push({ position: at, end, consequence: 'lost', problem, meaning: MEANING })
      }
    } else if (end <= owedBytes) {
      const problem = 'a piece is not what was written'
      findings.push({ position: at, end, consequence: 'lost', problem, meaning: MEANING })
    } else break
    at = end
  }
  if (at < owedBytes) {
    const problem = `no piece can be told from here on, though the file holds them up to byte ${owedBytes}`
    findings.push({ position: at, end: owedBytes, consequence: 'lost', problem, meaning: MEANING })
  } else if (at < content.length) {
    const meaning = 'a write that was cut short before a checkpoint counted on it; the journal has the same'
    const problem = 'bytes that no checkpoint counts on'
    findings.push({ position: at, end: content.length, consequence: 'unfinished', problem, meaning })
  }
  return findings
}

function areFacts(content: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end;) {
    const read = readRequestFacts(content, at, end)
    if (!read) return false
    at = read.end
  }
  return true
}
