import type { SettingsReader } from './settings-reader.ts'
import { kafkaSettings } from './kafka-settings.ts'
import { posthornSettings } from './posthorn-settings.ts'
import { layers, shownSetting } from './setting.ts'

/** An address at which HTTP is served. */
export interface Listener {
  /** What to bind to: a name or an address, IPv6 without brackets; `0.0.0.0` = all interfaces. */
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
}

/** `listeners` with all that bears on it: `port`, the names of Kafka's controller listeners and their protocols. */
export function readListeners(reader: SettingsReader): readonly Listener[] {
  const texts = reader.value(kafkaSettings.listeners)
  const kafka = {
    protocols: new Map(
      reader.value(kafkaSettings.listenerSecurityProtocolMap).map((pair): [string, string] => {
        const [name = '', protocol = ''] = pair.split(':')
        return [name.trim().toUpperCase(), protocol.trim().toUpperCase()]
      }),
    ),
    controllers: new Set(reader.value(kafkaSettings.controllerListenerNames).map((name) => name.toUpperCase())),
  }
  const listeners = texts.flatMap((text) => readListener(text, kafka, reader))
  const served = applyPort(listeners, reader)
  if (served.length === 0 && reader.problems.length === 0) {
    reader.problems.push(
      `listeners=${texts.join(',')}: none of them serves clients; add one such as http://127.0.0.1:8082`,
    )
  }
  const addresses = served.filter(({ port }) => port !== 0).map(({ host, port }) => `${host}:${port}`)
  if (new Set(addresses).size < addresses.length) {
    reader.problems.push(`listeners=${texts.join(',')}: the same address is there twice`)
  }
  return served
}

interface KafkaListeners {
  readonly protocols: ReadonlyMap<string, string>
  readonly controllers: ReadonlySet<string>
}

/** Kafka's `NAME://host:port` is taken where the name stands for PLAINTEXT; what it serves is HTTP all the same. */
function readListener(text: string, kafka: KafkaListeners, reader: SettingsReader): Listener[] {
  const [, scheme = '', host = '', digits = ''] =
    /^([\w-]+):\/\/(\[[0-9a-fA-F:.]+\]|[^\s/:[\]]*):(\d{1,5})\/?$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === '' || port > 65_535) {
    reader.problems.push(`listeners: ${text.slice(0, 100)} must be http://host:port, the port from 0 to 65535`)
    return []
  }
  const listener = { host: host.replace(/^\[|\]$/g, '') || '0.0.0.0', port }
  const name = scheme.toUpperCase()
  if (name === 'HTTP') return [listener]
  if (kafka.controllers.has(name)) {
    reader.warnings.push(`listeners: ${text} is not opened, there is no controller to talk to`)
    return []
  }
  const protocol = kafka.protocols.get(name)
  if (protocol === 'PLAINTEXT') {
    const address = `http://${listener.host.includes(':') ? `[${listener.host}]` : listener.host}:${port}`
    reader.warnings.push(
      `listeners: ${text} serves HTTP, not Kafka's protocol, at ${address}${host === '' ? ', on all interfaces' : ''}`,
    )
    return [listener]
  }
  reader.problems.push(`listeners: ${text.slice(0, 100)}: ${refusal(name, protocol)}`)
  return []
}

function refusal(name: string, protocol: string | undefined): string {
  if (name === 'HTTPS' || protocol === 'SSL' || protocol?.startsWith('SASL_')) {
    return 'TLS and authentication are not in this version; use http://host:port, behind a proxy that has them'
  }
  return `${name} is neither http nor a name in listener.security.protocol.map; use http://host:port`
}

/** `port` speaks of the one listener there is, unless `listeners` was given in the same place or a later one. */
function applyPort(listeners: readonly Listener[], reader: SettingsReader): readonly Listener[] {
  const port = reader.optional(posthornSettings.port)
  const setting = reader.given(posthornSettings.port)
  if (port === undefined || setting === undefined) return listeners
  const explicit = reader.given(kafkaSettings.listeners)
  if (explicit && layers.indexOf(explicit.layer) >= layers.indexOf(setting.layer)) {
    reader.warnings.push(`${shownSetting(setting)} has no effect: ${shownSetting(explicit)} counts`)
    return listeners
  }
  const [only, ...others] = listeners
  if (others.length > 0) {
    reader.problems.push(
      `${shownSetting(setting)}: there are ${listeners.length} listeners; set their ports in listeners`,
    )
  }
  return only ? [{ ...only, port }] : listeners
}
