import java.util.Base64;
import java.util.Map;
import java.nio.file.Files;
import java.nio.file.Path;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends each file of records with Kafka's own producer, as one batch, to partition 0 of a topic of its own. A file is JSON
 * lines {"timestamp", "key", "value", "headers": [{"name", "value"}]} with bytes in base64, or null.
 *
 * Arguments: the broker, then as many times as wanted: codec, topic, file.
 */
public class GoldenProducer {
    public static void main(String[] arguments) throws Exception {
        for (int i = 1; i + 2 < arguments.length; i += 3) {
            send(arguments[0], arguments[i], arguments[i + 1], Path.of(arguments[i + 2]));
        }
    }

    private static void send(String broker, String codec, String topic, Path file) throws Exception {
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", broker,
            "compression.type", codec,
            "enable.idempotence", false,
            "linger.ms", 60000,
            "batch.size", 1 << 20,
            "key.serializer", ByteArraySerializer.class,
            "value.serializer", ByteArraySerializer.class);
        ObjectMapper json = new ObjectMapper();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
            for (String line : Files.readAllLines(file)) producer.send(recordOf(topic, json.readTree(line)));
            producer.flush();
        }
    }

    private static ProducerRecord<byte[], byte[]> recordOf(String topic, JsonNode node) {
        long timestamp = node.get("timestamp").asLong();
        ProducerRecord<byte[], byte[]> result =
            new ProducerRecord<>(topic, 0, timestamp, bytes(node.get("key")), bytes(node.get("value")));
        for (JsonNode header : node.get("headers")) {
            result.headers().add(header.get("name").asText(), bytes(header.get("value")));
        }
        return result;
    }

    private static byte[] bytes(JsonNode node) {
        return node.isNull() ? null : Base64.getDecoder().decode(node.asText());
    }
}
