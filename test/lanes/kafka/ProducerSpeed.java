import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends the lines of a file in turn as values with Kafka's own producer, for so many seconds after as many of warming up,
 * and prints records, seconds, the compression rate and the records of a batch.
 *
 * Arguments: the broker, codec, topic, file, seconds, batch.size.
 */
public class ProducerSpeed {
    public static void main(String[] arguments) throws Exception {
        List<byte[]> values = Files.readAllLines(Path.of(arguments[3])).stream().map(String::getBytes).toList();
        double seconds = Double.parseDouble(arguments[4]);
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", arguments[0],
            "compression.type", arguments[1],
            "linger.ms", 5,
            "batch.size", Integer.parseInt(arguments[5]),
            "key.serializer", ByteArraySerializer.class,
            "value.serializer", ByteArraySerializer.class);
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
            send(producer, arguments[2], values, seconds);
            long began = System.nanoTime();
            long records = send(producer, arguments[2], values, seconds);
            double took = (System.nanoTime() - began) / 1e9;
            double batchBytes = metric(producer, "batch-size-avg");
            double rate = metric(producer, "compression-rate-avg");
            double recordBytes = metric(producer, "byte-total") / metric(producer, "record-send-total");
            System.out.printf("%d %.3f %.4f %.1f%n", records, took, rate, batchBytes / recordBytes);
        }
    }

    private static long send(KafkaProducer<byte[], byte[]> producer, String topic, List<byte[]> values, double seconds) {
        long records = 0;
        for (long end = System.nanoTime() + (long) (seconds * 1e9); System.nanoTime() < end; records++) {
            producer.send(new ProducerRecord<>(topic, 0, null, values.get((int) (records % values.size()))));
        }
        producer.flush();
        return records;
    }

    private static double metric(KafkaProducer<byte[], byte[]> producer, String name) {
        return producer.metrics().values().stream()
            .filter(metric -> metric.metricName().name().equals(name))
            .filter(metric -> metric.metricName().group().equals("producer-metrics") || name.equals("byte-total"))
            .map(Metric::metricValue).mapToDouble(value -> (Double) value).max().orElse(Double.NaN);
    }
}
