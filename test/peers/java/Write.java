import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes with Kafka's own client: java Write client.properties what topic arguments...
 *
 * <ul>
 *   <li>lines: the records on stdin, one JSON object each; prints where each went
 *   <li>aborted COMMITTED ABORTED: a transaction that commits, then one that aborts, in a topic that exists
 *   <li>compacted KEYS ROUNDS: makes a compacted topic of one partition and writes every key ROUNDS times, in
 *       segments short enough that the cleaner works on all but the last, and waits until it has
 * </ul>
 */
final class Write {
    private Write() {}

    public static void main(String[] args) throws Exception {
        Properties config = new Properties();
        try (InputStream in = new FileInputStream(args[0])) {
            config.load(in);
        }
        config.put("acks", "all");
        config.put("max.request.size", "16777216");
        String topic = args[2];
        switch (args[1]) {
            case "lines" -> lines(config, topic);
            case "aborted" -> aborted(config, topic, Integer.parseInt(args[3]), Integer.parseInt(args[4]));
            case "compacted" -> compacted(config, topic, Integer.parseInt(args[3]), Integer.parseInt(args[4]));
            default -> throw new IllegalArgumentException(args[1]);
        }
    }

    private static KafkaProducer<byte[], byte[]> producer(Properties config) {
        return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static void lines(Properties config, String topic) throws Exception {
        config.put("linger.ms", "20");
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> producer = producer(config);
                BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                ProducerRecord<byte[], byte[]> r = Records.parse(topic, line);
                sent.add(producer.send(r));
                records.add(new ProducerRecord<>(topic, r.key(), null)); // the values need not stay in memory
            }
        }
        PrintWriter out = new PrintWriter(System.out);
        for (int i = 0; i < sent.size(); i++) {
            RecordMetadata at = sent.get(i).get();
            out.println(Records.placed(records.get(i), at.partition(), at.offset()));
        }
        out.flush();
        if (out.checkError()) {
            System.exit(1);
        }
    }

    private static void aborted(Properties config, String topic, int committed, int aborted) {
        config.put("transactional.id", "peer-" + topic);
        try (KafkaProducer<byte[], byte[]> producer = producer(config)) {
            producer.initTransactions();
            producer.beginTransaction();
            numbered(producer, topic, "committed-", committed);
            producer.commitTransaction();
            producer.beginTransaction();
            numbered(producer, topic, "aborted-", aborted);
            producer.flush(); // on the log before the abort, or the abort would drop them unsent
            producer.abortTransaction();
        }
    }

    private static void numbered(KafkaProducer<byte[], byte[]> producer, String topic, String prefix, int count) {
        for (int i = 0; i < count; i++) {
            byte[] text = (prefix + i).getBytes(StandardCharsets.UTF_8);
            producer.send(new ProducerRecord<>(topic, text, text));
        }
    }

    private static void compacted(Properties config, String topic, int keys, int rounds) throws Exception {
        try (Admin admin = Admin.create(config)) {
            admin.createTopics(List.of(new NewTopic(topic, Optional.of(1), Optional.empty())
                            .configs(Map.of(
                                    "cleanup.policy", "compact",
                                    "segment.ms", "100",
                                    "min.cleanable.dirty.ratio", "0.01"))))
                    .all()
                    .get();
        }
        try (KafkaProducer<byte[], byte[]> producer = producer(config)) {
            for (int round = 0; round < rounds; round++) {
                for (int key = 0; key < keys; key++) {
                    byte[] value = ("round-" + round).getBytes(StandardCharsets.UTF_8);
                    producer.send(new ProducerRecord<>(topic, ("key-" + key).getBytes(StandardCharsets.UTF_8), value));
                }
                producer.flush();
                Thread.sleep(150); // past segment.ms, so that the next round opens a segment
            }
        }
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (count(config, topic) == keys * rounds) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException(topic + ": not compacted after 60 s");
            }
            Thread.sleep(200);
        }
    }

    /** How many records a reader of the one partition finds. */
    private static int count(Properties config, String topic) {
        TopicPartition partition = new TopicPartition(topic, 0);
        int found = 0;
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            while (consumer.position(partition) < end) {
                found += consumer.poll(Duration.ofMillis(500)).count();
            }
        }
        return found;
    }
}
