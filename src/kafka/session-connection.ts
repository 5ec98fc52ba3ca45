import { Connection, type Callback, type ResponseParser, type Writer } from '@platformatic/kafka'

/**
 * A connection whose login does not last (`connections.max.reauth.ms` of the brokers). To log in again on it, nothing else may
 * be sent until that is answered, or the broker ends it with all that is under way. So it says when its time is up, for
 * another one to take its place, and answers what it was asked.
 */
export class SessionConnection extends Connection {
  /** Its login ends soon: nothing more should be asked on it. */
  onSessionEnds: () => void = () => {}
  #owed = 0
  #isRetired = false

  // oxlint-disable-next-line max-params -- the library's
  override send<Answer>(
    apiKey: number,
    apiVersion: number,
    payload: () => Writer | Promise<Writer>,
    parser: ResponseParser<Answer>,
    hasRequestTags: boolean,
    hasResponseTags: boolean,
    callback: Callback<Answer>,
  ): void {
    this.#owed++
    super.send<Answer>(apiKey, apiVersion, payload, parser, hasRequestTags, hasResponseTags, (error, answer) => {
      this.#owed--
      callback(error, answer)
      this.#closeIfDone()
    })
  }

  /** The library calls this when most of the login's time is over. */
  override reauthenticate(): void {
    this.onSessionEnds()
  }

  /** It ends when all that it was asked is answered. */
  retire(): void {
    this.#isRetired = true
    this.#closeIfDone()
  }

  #closeIfDone(): void {
    if (this.#isRetired && this.#owed === 0) void this.close()
  }
}
