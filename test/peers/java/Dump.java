import java.io.BufferedWriter;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Prints every record of a topic up to its end as of the start, with Kafka's own client:
 * java Dump client.properties topic full|sha256 read_committed|read_uncommitted
 */
final class Dump {
    private Dump() {}

    public static void main(String[] args) throws Exception {
        Properties config = new Properties();
        try (InputStream in = new FileInputStream(args[0])) {
            config.load(in);
        }
        boolean full = args[2].equals("full");
        config.put("isolation.level", args[3]);
        config.put("enable.auto.commit", "false");
        config.put("allow.auto.create.topics", "false");
        // A record cut off at these sizes would be read in full all the same; they only save round trips.
        config.put("fetch.max.bytes", "16777216");
        config.put("max.partition.fetch.bytes", "4194304");
        config.put("max.poll.records", "5000");
        PrintStream stdout = System.out;
        try (KafkaConsumer<byte[], byte[]> consumer =
                        new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
                BufferedWriter out = new BufferedWriter(new OutputStreamWriter(stdout, StandardCharsets.UTF_8), 1 << 16)) {
            List<TopicPartition> partitions = partitions(consumer, args[1]);
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (behind(consumer, ends)) {
                for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofMillis(500))) {
                    if (r.offset() < ends.get(new TopicPartition(r.topic(), r.partition()))) {
                        out.write(full ? Records.full(r) : Records.digest(r));
                        out.write('\n');
                    }
                }
            }
        }
        if (stdout.checkError()) {
            System.exit(1);
        }
    }

    /** A broker that the controller lost sight of for a moment tells of no partitions. */
    private static List<TopicPartition> partitions(KafkaConsumer<byte[], byte[]> consumer, String topic)
            throws InterruptedException {
        long deadline = System.nanoTime() + Duration.ofMinutes(1).toNanos();
        while (true) {
            List<TopicPartition> found = consumer.partitionsFor(topic).stream()
                    .map(p -> new TopicPartition(p.topic(), p.partition()))
                    .collect(Collectors.toList());
            if (!found.isEmpty()) {
                return found;
            }
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException(topic + " has no partitions");
            }
            Thread.sleep(50);
        }
    }

    private static boolean behind(KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Long> ends) {
        return ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue());
    }
}
