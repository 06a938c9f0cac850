// Prints what Kafka's own classes write: one line for each message, version and case,
//   KIND NAME VERSION HEX [HEX]
// with the framing that Kafka gives stored records. The output is kafka-4.3.1.txt beside this file; to make it again:
//   java -cp "$KAFKA_LIBS/*" Golden.java > kafka-4.3.1.txt
// where KAFKA_LIBS is the libs directory of an Apache Kafka 4.3.1.

import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.metadata.MetadataRecordType;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.*;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.server.common.ApiMessageAndVersion;

public class Golden {
    static final Random random = new Random(431);
    static final Set<String> APIS = Set.of(
        "PRODUCE", "FETCH", "LIST_OFFSETS", "METADATA", "OFFSET_COMMIT", "OFFSET_FETCH", "FIND_COORDINATOR", "JOIN_GROUP",
        "HEARTBEAT", "LEAVE_GROUP", "SYNC_GROUP", "DESCRIBE_GROUPS", "LIST_GROUPS", "API_VERSIONS", "CREATE_TOPICS",
        "DELETE_TOPICS", "DELETE_RECORDS", "INIT_PRODUCER_ID", "OFFSET_FOR_LEADER_EPOCH", "DESCRIBE_CONFIGS",
        "ALTER_CONFIGS", "DESCRIBE_LOG_DIRS", "CREATE_PARTITIONS", "DELETE_GROUPS", "ELECT_LEADERS",
        "INCREMENTAL_ALTER_CONFIGS", "ALTER_PARTITION_REASSIGNMENTS", "LIST_PARTITION_REASSIGNMENTS", "OFFSET_DELETE",
        "DESCRIBE_QUORUM", "UPDATE_FEATURES", "DESCRIBE_CLUSTER", "DESCRIBE_PRODUCERS", "UNREGISTER_BROKER",
        "LIST_CONFIG_RESOURCES", "DESCRIBE_TOPIC_PARTITIONS");
    static final Set<String> BROKER_APIS = Set.of(
        "ALTER_PARTITION", "BROKER_REGISTRATION", "BROKER_HEARTBEAT", "ALLOCATE_PRODUCER_IDS", "CONTROLLER_REGISTRATION",
        "ASSIGN_REPLICAS_TO_DIRS");

    /** Whether each field gets a value, or is null, empty or its default now and then. */
    static boolean full;

    public static void main(String[] args) throws Exception {
        for (ApiMessageType api : ApiMessageType.values()) {
            boolean served = APIS.contains(api.name());
            if (served || BROKER_APIS.contains(api.name())) {
                messages("request", api.newRequest().getClass(), 2);
            }
            if (served) {
                messages("response", api.newResponse().getClass(), 1);
            }
        }
        messages("protocol", ConsumerProtocolSubscription.class, 2);
        messages("protocol", ConsumerProtocolAssignment.class, 2);
        metadata();
        coordinator("group", org.apache.kafka.coordinator.group.generated.CoordinatorRecordType.values());
        coordinator("transaction", org.apache.kafka.coordinator.transaction.generated.CoordinatorRecordType.values());
        coordinator("share", org.apache.kafka.coordinator.share.generated.CoordinatorRecordType.values());
        print("control", "Commit", 0, MessageUtil.toVersionPrefixedBytes((short) 0, new EndTxnMarker().setCoordinatorEpoch(7)));
        full = true;
        for (var type : List.of(LeaderChangeMessage.class, SnapshotHeaderRecord.class, SnapshotFooterRecord.class,
                KRaftVersionRecord.class, VotersRecord.class)) {
            print("control", type.getSimpleName(), 0, bytes(message(type, (short) 0), (short) 0));
        }
    }

    static void messages(String kind, Class<? extends ApiMessage> type, int cases) throws Exception {
        ApiMessage sample = type.getDeclaredConstructor().newInstance();
        for (short version = sample.lowestSupportedVersion(); version <= sample.highestSupportedVersion(); version++) {
            for (int i = 0; i < cases; i++) {
                full = i == 0;
                print(kind, type.getSimpleName().replaceFirst("Data$", ""), version, bytes(message(type, version), version));
            }
        }
    }

    static void metadata() throws Exception {
        MetadataRecordSerde serde = new MetadataRecordSerde();
        for (MetadataRecordType type : MetadataRecordType.values()) {
            Class<? extends ApiMessage> record = type.newMetadataRecord().getClass();
            for (short version = type.lowestSupportedVersion(); version <= type.highestSupportedVersion(); version++) {
                for (int i = 0; i < 2; i++) {
                    full = i == 0;
                    ApiMessageAndVersion message = new ApiMessageAndVersion(message(record, version), version);
                    ObjectSerializationCache cache = new ObjectSerializationCache();
                    ByteBuffer buffer = ByteBuffer.allocate(serde.recordSize(message, cache));
                    serde.write(message, cache, new ByteBufferAccessor(buffer));
                    print("metadata", record.getSimpleName(), version, buffer.array());
                }
            }
        }
    }

    static void coordinator(String kind, Object[] types) throws Exception {
        for (Object type : types) {
            ApiMessage key = (ApiMessage) call(type, "newRecordKey");
            ApiMessage value = (ApiMessage) call(type, "newRecordValue");
            for (short version = value.lowestSupportedVersion(); version <= value.highestSupportedVersion(); version++) {
                for (int i = 0; i < 2; i++) {
                    full = i == 0;
                    print(kind, value.getClass().getSimpleName(), version,
                        MessageUtil.toCoordinatorTypePrefixedBytes(message(key.getClass(), (short) 0)),
                        MessageUtil.toVersionPrefixedBytes(version, message(value.getClass(), version)));
                }
            }
        }
    }

    static Object call(Object target, String method) throws Exception {
        return target.getClass().getMethod(method).invoke(target);
    }

    static void print(String kind, String name, int version, byte[]... parts) {
        StringBuilder line = new StringBuilder(kind + " " + name + " " + version);
        for (byte[] part : parts) {
            line.append(' ').append(HexFormat.of().formatHex(part));
        }
        System.out.println(line);
    }

    static byte[] bytes(ApiMessage message, short version) {
        ByteBufferAccessor buffer = MessageUtil.toByteBufferAccessor(message, version);
        byte[] bytes = new byte[buffer.buffer().remaining()];
        buffer.buffer().get(bytes);
        return bytes;
    }

    static ApiMessage message(Class<? extends ApiMessage> type, short version) throws Exception {
        return (ApiMessage) struct(type, version);
    }

    static Object struct(Class<?> type, short version) throws Exception {
        Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
        Object struct = type.getDeclaredConstructor().newInstance();
        for (BoundField field : schemas[version].fields()) {
            if (field.def.type instanceof TaggedFields tagged) {
                for (Field tag : tagged.fields().values()) {
                    if (full || random.nextInt(4) > 0) {
                        set(struct, tag.name, tag.type, version);
                    }
                }
            } else {
                set(struct, field.def.name, field.def.type, version);
            }
        }
        return struct;
    }

    static void set(Object struct, String field, Type type, short version) throws Exception {
        String camel = Arrays.stream(field.split("_"))
            .reduce("", (name, word) -> name + word.substring(0, 1).toUpperCase() + word.substring(1));
        for (Method setter : struct.getClass().getMethods()) {
            if (setter.getName().equalsIgnoreCase("set" + camel)) {
                setter.invoke(struct, value(setter, type, version));
                return;
            }
        }
        throw new IllegalStateException(struct.getClass() + " has no " + field);
    }

    static Object value(Method setter, Type type, short version) throws Exception {
        Class<?> target = setter.getParameterTypes()[0];
        if (type.isNullable() && !full && random.nextInt(3) == 0) {
            return null;
        }
        if (Collection.class.isAssignableFrom(target)) {
            return collection(setter, target, type, version);
        }
        return scalar(target, version);
    }

    @SuppressWarnings("unchecked")
    static Object collection(Method setter, Class<?> target, Type type, short version) throws Exception {
        int count = full ? 1 + random.nextInt(2) : random.nextInt(3);
        Class<?> element;
        Collection<Object> collection;
        if (target == List.class) {
            element = (Class<?>) ((ParameterizedType) setter.getGenericParameterTypes()[0]).getActualTypeArguments()[0];
            collection = new ArrayList<>();
        } else {
            element = Class.forName(target.getName().replaceFirst("Collection$", ""));
            collection = (Collection<Object>) target.getDeclaredConstructor().newInstance();
        }
        for (int i = 0; i < count; i++) {
            collection.add(scalar(element, version));
        }
        return collection;
    }

    static Object scalar(Class<?> target, short version) throws Exception {
        byte[] bytes = new byte[full ? 3 : random.nextInt(5)];
        random.nextBytes(bytes);
        if (target == boolean.class) return full || random.nextBoolean();
        if (target == byte.class || target == Byte.class) return (byte) (1 + random.nextInt(100));
        if (target == short.class || target == Short.class) return (short) (1 + random.nextInt(10_000));
        if (target == int.class || target == Integer.class) return 1 + random.nextInt(60_000);
        if (target == long.class || target == Long.class) return random.nextLong();
        if (target == double.class) return random.nextDouble();
        if (target == String.class) return "é" + random.nextInt(100);
        if (target == Uuid.class) return new Uuid(random.nextLong(), random.nextLong());
        if (target == byte[].class) return bytes;
        if (target == ByteBuffer.class) return ByteBuffer.wrap(bytes);
        if (target.getName().endsWith("BaseRecords")) return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes));
        return struct(target, version);
    }
}
