import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/** The line format that Dump writes and Write reads: one JSON object a record, bytes in base64, null as null. */
final class Records {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Records() {}

    static String full(ConsumerRecord<byte[], byte[]> r) {
        ObjectNode o = position(r);
        o.put("timestamp", r.timestamp());
        o.put("timestamp_type", r.timestampType().name);
        put(o, "key", r.key());
        put(o, "value", r.value());
        ArrayNode headers = o.putArray("headers");
        for (Header h : r.headers()) {
            ObjectNode pair = headers.addObject();
            put(pair, "key", h.key().getBytes(StandardCharsets.UTF_8));
            put(pair, "value", h.value());
        }
        return o.toString();
    }

    /** Everything of a record but its offset and timestamp type, as one SHA-256. */
    static String digest(ConsumerRecord<byte[], byte[]> r) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeLong(r.timestamp());
        write(out, r.key());
        write(out, r.value());
        for (Header h : r.headers()) {
            write(out, h.key().getBytes(StandardCharsets.UTF_8));
            write(out, h.value());
        }
        ObjectNode o = position(r);
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            o.put("sha256", HexFormat.of().formatHex(sha.digest(bytes.toByteArray())));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
        return o.toString();
    }

    static ProducerRecord<byte[], byte[]> parse(String topic, String line) throws IOException {
        JsonNode o = JSON.readTree(line);
        List<Header> headers = new ArrayList<>();
        if (o.hasNonNull("headers")) {
            for (JsonNode h : o.get("headers")) {
                headers.add(new RecordHeader(new String(bytes(h, "key"), StandardCharsets.UTF_8), bytes(h, "value")));
            }
        }
        Integer partition = o.hasNonNull("partition") && o.get("partition").intValue() >= 0 ? o.get("partition").intValue() : null;
        Long timestamp = o.hasNonNull("timestamp") && o.get("timestamp").longValue() > 0 ? o.get("timestamp").longValue() : null;
        return new ProducerRecord<>(topic, partition, timestamp, bytes(o, "key"), bytes(o, "value"), headers);
    }

    static String placed(ProducerRecord<byte[], byte[]> r, int partition, long offset) {
        ObjectNode o = JSON.createObjectNode();
        o.put("partition", partition);
        o.put("offset", offset);
        put(o, "key", r.key());
        return o.toString();
    }

    private static ObjectNode position(ConsumerRecord<byte[], byte[]> r) {
        ObjectNode o = JSON.createObjectNode();
        o.put("partition", r.partition());
        o.put("offset", r.offset());
        return o;
    }

    private static void put(ObjectNode o, String name, byte[] bytes) {
        if (bytes == null) {
            o.putNull(name);
        } else {
            o.put(name, Base64.getEncoder().encodeToString(bytes));
        }
    }

    private static byte[] bytes(JsonNode o, String name) {
        return o.hasNonNull(name) ? Base64.getDecoder().decode(o.get(name).textValue()) : null;
    }

    /** A length of four bytes, -1 for null, then the bytes. */
    private static void write(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes == null ? -1 : bytes.length);
        if (bytes != null) {
            out.write(bytes);
        }
    }
}
