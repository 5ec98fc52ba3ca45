/** What counts for a group at this moment: the server's settings, or the group's own. */
export interface GroupSettings {
  /** `group.consumer.session.timeout.ms` */
  readonly sessionTimeoutMs: number
  /** `group.consumer.heartbeat.interval.ms` */
  readonly heartbeatIntervalMs: number
  /** `group.consumer.max.size` */
  readonly maxSize: number
  /** `group.consumer.assignors`: known names, at least one; the first counts where no member asks for another. */
  readonly assignors: readonly string[]
}
