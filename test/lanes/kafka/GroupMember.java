import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A member of a consumer group, with Kafka's own consumer and the group protocol of KIP-848. Prints a line for each thing
 * that happens: "assigned 0,1", "revoked 1", "record <partition> <offset>", and commits each poll before the next. Leaves
 * the group when it reads a "q".
 *
 * Arguments: the broker, the group, the topic, and where it is not to be that protocol, group.protocol.
 */
public class GroupMember {
    public static void main(String[] arguments) throws Exception {
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", arguments[0],
            "group.id", arguments[1],
            "group.protocol", arguments.length > 3 ? arguments[3] : "consumer",
            "enable.auto.commit", false,
            "auto.offset.reset", "earliest",
            "key.deserializer", StringDeserializer.class,
            "value.deserializer", StringDeserializer.class);
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings)) {
            consumer.subscribe(List.of(arguments[2]), new Said());
            while (!inputEnded()) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
                for (ConsumerRecord<String, String> record : records) {
                    say("record " + record.partition() + " " + record.offset());
                }
                if (!records.isEmpty()) consumer.commitSync();
            }
        }
        say("left");
    }

    private static boolean inputEnded() throws Exception {
        return System.in.available() > 0 && System.in.read() == 'q';
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    private static class Said implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            say("assigned " + numbers(partitions));
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            say("revoked " + numbers(partitions));
        }

        private static String numbers(Collection<TopicPartition> partitions) {
            return partitions.stream().map(one -> String.valueOf(one.partition())).sorted().collect(Collectors.joining(","));
        }
    }
}
