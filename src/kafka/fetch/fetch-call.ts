import type { Connection } from '@platformatic/kafka'
import { FETCH_KEY, FETCH_VERSION, writeFetchRequest, type FetchRequest } from './fetch-request.ts'
import { readFetchResponse, type FetchResponse } from './fetch-response.ts'

/** Rejects as the client library does; errors of partitions and of the session are in what it resolves with. */
export function fetchFrom(connection: Connection, request: FetchRequest): Promise<FetchResponse> {
  return new Promise((resolve, reject) => {
    const answered = (error: Error | null, response?: FetchResponse): void => {
      if (response === undefined || error !== null) reject(error ?? new Error('a response without content'))
      else resolve(response)
    }
    const write = () => writeFetchRequest(request)
    connection.send(FETCH_KEY, FETCH_VERSION, write, readFetchResponse, true, true, answered)
  })
}
