import { Connection, findCoordinatorV6 } from '@platformatic/kafka'
import type { KafkaCluster } from '../../support/kafka-cluster.ts'
import type { KafkaNode } from '../../support/kafka-node.ts'

const GROUP = 0

/** The node that coordinates the group now, as that node itself says. */
export async function coordinatorOf(cluster: KafkaCluster, asked: KafkaNode, group: string): Promise<KafkaNode> {
  const connection = new Connection('onlooker')
  const [host = '', port] = asked.address.split(':')
  await connection.connect(host, Number(port))
  try {
    const { coordinators } = await findCoordinatorV6.api.async(connection, GROUP, [group])
    return cluster.node(coordinators[0]?.nodeId ?? -1)
  } finally {
    await connection.close()
  }
}
