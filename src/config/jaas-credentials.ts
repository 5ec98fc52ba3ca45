export interface JaasCredentials {
  readonly username: string
  readonly password: string
}

/** What Kafka's `sasl.jaas.config` says of who logs in; undefined where it lacks either. */
export function jaasCredentials(text: string): JaasCredentials | undefined {
  const options = new Map<string, string>()
  for (const [, name = '', quoted, plain = ''] of text.matchAll(option)) {
    options.set(name, quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1'))
  }
  const username = options.get('username')
  const password = options.get('password')
  return username === undefined || password === undefined ? undefined : { username, password }
}

/** `name="text"`, in which a backslash takes the next character as it is, or `name=text`. */
const option = /([\w.]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/g
