package differential;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Map;
import java.util.zip.CRC32C;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.ConsumerProtocolSubscription;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.utils.ByteBufferOutputStream;

/**
 * The bytes that a case describes. Record batches: {codec, ts, pid, epoch, seq, records: ['value' or
 * {k, v, ts, h}], copies, set: {HEADER_FIELD: number}, cut: bytes}; several as a list. A field that is
 * set gets a right CRC over the wrong content, unless it is the crc itself.
 */
final class Batches {
    private static final int CRC_AT = 17;
    private static final int ATTRIBUTES_AT = 21;
    /** Where each field of a batch header stands, and how wide it is. */
    private static final Map<String, int[]> HEADER = Map.ofEntries(
            Map.entry("baseOffset", new int[] {0, 8}), Map.entry("batchLength", new int[] {8, 4}),
            Map.entry("leaderEpoch", new int[] {12, 4}), Map.entry("magic", new int[] {16, 1}),
            Map.entry("crc", new int[] {CRC_AT, 4}), Map.entry("attributes", new int[] {ATTRIBUTES_AT, 2}),
            Map.entry("lastOffsetDelta", new int[] {23, 4}), Map.entry("baseTimestamp", new int[] {27, 8}),
            Map.entry("maxTimestamp", new int[] {35, 8}), Map.entry("producerId", new int[] {43, 8}),
            Map.entry("producerEpoch", new int[] {51, 2}), Map.entry("baseSequence", new int[] {53, 4}),
            Map.entry("count", new int[] {57, 4}), Map.entry("firstRecordByte", new int[] {61, 1}),
            Map.entry("firstAttributes", new int[] {62, 1}), Map.entry("firstTimestampDelta", new int[] {63, 1}),
            Map.entry("firstOffsetDelta", new int[] {64, 1}), Map.entry("firstKeyLength", new int[] {65, 1}));

    private Batches() {}

    static BaseRecords records(JsonNode spec) {
        if (spec.isTextual() || spec.has("hex")) {
            return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes(spec)));
        }
        ByteBufferOutputStream all = new ByteBufferOutputStream(1024);
        for (JsonNode batch : spec.isArray() ? spec : new com.fasterxml.jackson.databind.node.ArrayNode(null).add(spec)) {
            all.write(batch(batch));
        }
        ByteBuffer buffer = all.buffer();
        buffer.flip();
        return MemoryRecords.readableRecords(buffer);
    }

    private static ByteBuffer batch(JsonNode spec) {
        long ts = spec.path("ts").asLong(1_000);
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(4096), (byte) 2,
                Compression.of(spec.path("codec").asText("none")).build(), TimestampType.CREATE_TIME,
                spec.path("base").asLong(0), ts, spec.path("pid").asLong(-1), (short) spec.path("epoch").asInt(-1),
                spec.path("seq").asInt(-1), spec.path("transactional").asBoolean(false), false, -1);
        for (int copy = 0; copy < spec.path("copies").asInt(1); copy++) {
            for (JsonNode record : spec.path("records")) {
                append(builder, record, ts);
            }
        }
        ByteBuffer built = builder.build().buffer();
        ByteBuffer bytes = ByteBuffer.allocate(built.remaining() - spec.path("cut").asInt(0));
        bytes.put(built.slice(0, bytes.remaining())).flip();
        corrupt(bytes, spec.path("set"));
        return bytes;
    }

    private static void append(MemoryRecordsBuilder builder, JsonNode record, long ts) {
        if (!record.isObject()) {
            builder.append(ts, null, bytes(record));
            return;
        }
        var headers = new java.util.ArrayList<Header>();
        record.path("h").fields().forEachRemaining(h -> headers.add(new RecordHeader(h.getKey(), bytes(h.getValue()))));
        builder.append(record.path("ts").asLong(ts), bytes(record.path("k")), bytes(record.path("v")),
                headers.toArray(new Header[0]));
    }

    private static void corrupt(ByteBuffer bytes, JsonNode set) {
        set.fields().forEachRemaining(field -> {
            int[] place = HEADER.get(field.getKey());
            long value = field.getValue().asLong();
            for (int i = 0; i < place[1]; i++) {
                bytes.put(place[0] + i, (byte) (value >> (8 * (place[1] - 1 - i))));
            }
        });
        if (!set.isMissingNode() && !set.has("crc") && bytes.remaining() > ATTRIBUTES_AT) {
            CRC32C crc = new CRC32C();
            crc.update(bytes.slice(ATTRIBUTES_AT, bytes.remaining() - ATTRIBUTES_AT));
            bytes.putInt(CRC_AT, (int) crc.getValue());
        }
    }

    /** Bytes of a text, of {hex: '00ff'}, of {size: n} same letters, of {subscription: [topics]}; null stays null. */
    static byte[] bytes(JsonNode node) {
        if (node.isNull() || node.isMissingNode()) {
            return null;
        } else if (node.has("hex")) {
            return HexFormat.of().parseHex(node.get("hex").asText().replace(" ", ""));
        } else if (node.has("size")) {
            return "x".repeat(node.get("size").asInt()).getBytes(StandardCharsets.UTF_8);
        } else if (node.has("subscription")) {
            var subscription = new ConsumerProtocolSubscription();
            node.get("subscription").forEach(topic -> subscription.topics().add(topic.asText()));
            return MessageUtil.toVersionPrefixedBytes((short) node.path("version").asInt(1), subscription);
        }
        return node.asText().getBytes(StandardCharsets.UTF_8);
    }
}
