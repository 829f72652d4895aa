import com.sun.management.OperatingSystemMXBean;
import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Consumes a number of records as a new group and tells how long that took. */
public final class ParallelConsumerBench {
    public static void main(String[] args) throws Exception {
        String brokers = args[0], topic = args[1], group = args[2];
        long count = Long.parseLong(args[3]), micros = Long.parseLong(args[4]);
        int workers = Integer.parseInt(args[5]);
        Properties props = new Properties();
        props.put("bootstrap.servers", brokers);
        props.put("group.id", group);
        props.put("enable.auto.commit", "false");
        props.put("auto.offset.reset", "earliest");
        props.put("isolation.level", "read_committed");
        var consumer = new KafkaConsumer<>(props, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        var options = ParallelConsumerOptions.<byte[], byte[]>builder()
                .ordering(ParallelConsumerOptions.ProcessingOrder.KEY).maxConcurrency(workers).consumer(consumer).build();
        var processor = ParallelStreamProcessor.createEosStreamProcessor(options);
        processor.subscribe(List.of(topic));
        var os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        var handled = new AtomicLong();
        var first = new AtomicLong();
        var firstCpu = new AtomicLong();
        var done = new CountDownLatch(1);
        processor.poll(context -> {
            if (first.get() == 0 && first.compareAndSet(0, System.nanoTime())) {
                firstCpu.set(os.getProcessCpuTime());
            }
            if (micros > 0) {
                try {
                    Thread.sleep(micros / 1000, (int) (micros % 1000) * 1000);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
            if (handled.incrementAndGet() == count) {
                done.countDown();
            }
        });
        done.await();
        System.out.printf("{\"records\":%d,\"wall\":%d,\"cpu\":%d}%n", count, System.nanoTime() - first.get(), os.getProcessCpuTime() - firstCpu.get());
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
