package differential;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchResponseDataJsonConverter;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.utils.Utils;

/** A Fetch answer with its records spelled out, batch by batch, so that a difference can be read. */
final class FetchedRecords {
    private static final int LONGEST_VALUE_SHOWN = 40;

    private FetchedRecords() {}

    static JsonNode toJson(FetchResponseData fetch, short version) {
        JsonNode json = FetchResponseDataJsonConverter.write(fetch, version, false);
        for (int topic = 0; topic < fetch.responses().size(); topic++) {
            var partitions = fetch.responses().get(topic).partitions();
            for (int partition = 0; partition < partitions.size(); partition++) {
                var node = (ObjectNode) json.get("responses").get(topic).get("partitions").get(partition);
                node.remove("recordsSizeInBytes");
                node.set("records", batches(partitions.get(partition).records()));
            }
        }
        return json;
    }

    private static JsonNode batches(BaseRecords fetched) {
        if (fetched == null) {
            return JsonNodeFactory.instance.nullNode();
        }
        ArrayNode all = JsonNodeFactory.instance.arrayNode();
        ByteBuffer buffer = ((MemoryRecords) fetched).buffer();
        int whole = 0;
        for (MutableRecordBatch batch : ((MemoryRecords) fetched).batches()) {
            whole += batch.sizeInBytes();
            all.add(batch(batch));
        }
        if (whole < buffer.remaining()) {
            all.add("the first " + (buffer.remaining() - whole) + " bytes of a batch");
        }
        return all;
    }

    private static ObjectNode batch(MutableRecordBatch batch) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        node.put("baseOffset", batch.baseOffset()).put("lastOffset", batch.lastOffset());
        node.put("leaderEpoch", batch.partitionLeaderEpoch()).put("magic", batch.magic());
        node.put("codec", batch.compressionType().name).put("timestampType", batch.timestampType().name);
        node.put("maxTimestamp", batch.maxTimestamp()).put("transactional", batch.isTransactional());
        node.put("control", batch.isControlBatch()).put("producerId", batch.producerId());
        node.put("producerEpoch", batch.producerEpoch()).put("baseSequence", batch.baseSequence());
        node.put("count", batch.countOrNull()).put("valid", batch.isValid());
        if (batch.compressionType() == CompressionType.NONE) {
            node.put("size", batch.sizeInBytes());
        }
        ArrayNode records = node.putArray("records");
        try {
            for (Record record : batch) {
                records.add(record(record));
            }
        } catch (RuntimeException unreadable) {
            records.add("unreadable: " + unreadable.getClass().getSimpleName());
        }
        return node;
    }

    private static ObjectNode record(Record record) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        node.put("offset", record.offset()).put("timestamp", record.timestamp());
        node.put("key", text(record.key())).put("value", text(record.value()));
        for (var header : record.headers()) {
            node.put("header " + header.key(), header.value() == null ? null : new String(header.value(), StandardCharsets.UTF_8));
        }
        return node;
    }

    private static String text(ByteBuffer bytes) {
        if (bytes == null) {
            return null;
        }
        byte[] all = Utils.toArray(bytes);
        return all.length <= LONGEST_VALUE_SHOWN ? new String(all, StandardCharsets.ISO_8859_1)
                : all.length + " bytes with hash " + java.util.Arrays.hashCode(all);
    }
}
