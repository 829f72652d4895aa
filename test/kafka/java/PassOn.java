import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/** A Kafka Streams application with a group of the newer protocol (KIP-1071): java PassOn brokers application from to state. */
public final class PassOn {
    public static void main(String[] args) throws Exception {
        var props = new Properties();
        props.put("bootstrap.servers", args[0]);
        props.put("application.id", args[1]);
        props.put("group.protocol", "streams");
        props.put("commit.interval.ms", "200");
        props.put("auto.offset.reset", "earliest");
        props.put("state.dir", args[4]);
        var bytes = Serdes.ByteArray();
        var builder = new StreamsBuilder();
        builder.stream(args[2], Consumed.with(bytes, bytes)).to(args[3], Produced.with(bytes, bytes));
        var streams = new KafkaStreams(builder.build(), props);
        streams.start();
        new CountDownLatch(1).await();
    }
}
