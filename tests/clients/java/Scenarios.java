import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Apache Kafka's own client; the same source runs with the newest and with an old one. */
public final class Scenarios {
    private static final Duration POLL = Duration.ofMillis(200);
    private static final long LIMIT_MS = 30_000;
    private static final long AT_ONCE_NS = 5_000_000_000L;
    private static String bootstrap;
    private static String prefix;
    private static Admin admin;

    private interface Scenario {
        void run() throws Exception;
    }

    private Scenarios() {}

    public static void main(String[] arguments) {
        bootstrap = arguments[0];
        prefix = arguments[1];
        admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            for (String acks : List.of("0", "1", "all")) {
                scenario("produce-" + codec + "-" + acks, () -> produce(codec, acks));
            }
        }
        scenario("consume-from-time", Scenarios::consumeFromTime);
        scenario("group-rebalance", () -> groupRebalance("group", "RangeAssignor", 4));
        scenario("group-rebalance-cooperative", () -> groupRebalance("cooperative", "CooperativeStickyAssignor", 2));
        scenario("static-members", Scenarios::staticMembers);
        scenario("admin", Scenarios::administer);
        scenario("idempotent", Scenarios::idempotent);
        scenario("big-message", Scenarios::bigMessage);
        scenario("headers", Scenarios::headers);
        scenario("nulls", Scenarios::nulls);
        scenario("many-partitions", Scenarios::manyPartitions);
        scenario("transactions-refused", Scenarios::transactionsRefused);
        admin.close();
        System.out.println("done");
        System.exit(0);
    }

    private static void scenario(String name, Scenario scenario) {
        try {
            scenario.run();
            System.out.println("ok " + name);
        } catch (Throwable why) {
            System.out.println("FAIL " + name + " " + why);
        }
    }

    private static void produce(String codec, String acks) throws Exception {
        String topic = topic("produce-" + codec + "-" + acks, 1, Map.of());
        try (var producer = producer(Map.of("compression.type", codec, "acks", acks, "enable.idempotence", "false"))) {
            for (int i = 0; i < 10; i++) {
                producer.send(record(topic, "record " + i));
            }
        }
        expect(numbered("record ", 10), values(read(topic, 1, 10)));
    }

    private static void consumeFromTime() throws Exception {
        String topic = topic("time", 1, Map.of());
        try (var producer = producer(Map.of())) {
            for (int i = 0; i < 10; i++) {
                producer.send(new ProducerRecord<>(topic, 0, 1_000L * i, null, bytes("record " + i)));
            }
        }
        try (var consumer = consumer(Map.of())) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            var found = consumer.offsetsForTimes(Map.of(partition, 4_500L)).get(partition);
            expect(5L, found.offset());
            expect(5_000L, found.timestamp());
            consumer.seek(partition, found.offset());
            expect(numbered("record ", 10).subList(5, 10), values(poll(consumer, 5)));
            expect(10L, consumer.endOffsets(List.of(partition)).get(partition));
            expect(0L, consumer.beginningOffsets(List.of(partition)).get(partition));
        }
    }

    /** Cooperative members give up only what another one takes, eager ones all that they have. */
    private static void groupRebalance(String name, String assignor, int mostGivenUpAtOnce) throws Exception {
        String topic = topic(name, 4, Map.of());
        Map<String, Object> settings = Map.of("group.id", prefix + name, "enable.auto.commit", "false",
                "partition.assignment.strategy", "org.apache.kafka.clients.consumer." + assignor);
        Set<String> seen = new HashSet<>();
        Changes changes = new Changes();
        try (var first = consumer(settings)) {
            first.subscribe(List.of(topic), changes);
            until("the first member has all", () -> pollInto(first, seen).assignment().size() == 4);
            try (var second = consumer(settings)) {
                second.subscribe(List.of(topic));
                until("both members have two", () -> pollInto(first, seen).assignment().size() == 2
                        & pollInto(second, seen).assignment().size() == 2);
                expect(mostGivenUpAtOnce, changes.mostGivenUpAtOnce);
                try (var producer = producer(Map.of())) {
                    for (int i = 0; i < 40; i++) {
                        producer.send(new ProducerRecord<>(topic, i % 4, null, bytes("record " + i)));
                    }
                }
                until("both read all", () -> {
                    pollInto(first, seen);
                    pollInto(second, seen);
                    return seen.size() == 40;
                });
                first.commitSync();
                second.commitSync();
            }
            until("the first member has all again", () -> pollInto(first, seen).assignment().size() == 4);
        }
        var committed = admin.listConsumerGroupOffsets(prefix + name).partitionsToOffsetAndMetadata().get();
        expect(40L, committed.values().stream().mapToLong(offset -> offset.offset()).sum());
        admin.deleteConsumerGroups(List.of(prefix + name)).all().get();
    }

    private static void staticMembers() throws Exception {
        String topic = topic("static", 4, Map.of());
        String group = prefix + "static";
        Set<String> seen = new HashSet<>();
        Changes changes = new Changes();
        try (var first = staticMember(group, "one")) {
            first.subscribe(List.of(topic), changes);
            Set<TopicPartition> hadByTwo;
            try (var second = staticMember(group, "two")) {
                second.subscribe(List.of(topic));
                until("both members have two", () -> pollInto(first, seen).assignment().size() == 2
                        & pollInto(second, seen).assignment().size() == 2);
                hadByTwo = Set.copyOf(second.assignment());
            }
            int assignments = changes.assignments;
            try (var back = staticMember(group, "two"); var usurper = staticMember(group, "two")) {
                back.subscribe(List.of(topic));
                until("the member is back with what it had", () -> pollInto(back, seen).assignment().equals(hadByTwo)
                        & pollInto(first, seen).assignment().size() == 2);
                expect(assignments, changes.assignments);
                expect(Set.of("one", "two"), instances(group));
                usurper.subscribe(List.of(topic));
                until("another one has its place", () -> pollInto(usurper, seen).assignment().equals(hadByTwo));
                until("the member is fenced", () -> isFenced(back));
            }
            admin.removeMembersFromConsumerGroup(group,
                    new RemoveMembersFromConsumerGroupOptions(Set.of(new MemberToRemove("two")))).all().get();
            until("the first member has all again", () -> pollInto(first, seen).assignment().size() == 4);
        }
        expect(Set.of("one"), instances(group));
    }

    private static void administer() throws Exception {
        String topic = topic("admin", 3, Map.of("retention.ms", "60000"));
        expect(true, admin.listTopics().names().get().contains(topic));
        try (var consumer = consumer(Map.of())) {
            expect(3, consumer.partitionsFor(topic).size());
        }
        expect("60000", config(topic, "retention.ms"));
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(
                new ConfigEntry("retention.ms", "70000"), AlterConfigOp.OpType.SET)))).all().get();
        until("the configuration is changed", () -> config(topic, "retention.ms").equals("70000"));
        admin.deleteTopics(List.of(topic)).all().get();
        until("the topic is gone", () -> !admin.listTopics().names().get().contains(topic));
        expect(1, admin.describeCluster().nodes().get().size());
    }

    private static void idempotent() throws Exception {
        String topic = topic("idempotent", 1, Map.of());
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (var producer = producer(Map.of("enable.idempotence", "true", "acks", "all", "linger.ms", "0", "batch.size", "100"))) {
            for (int i = 0; i < 500; i++) {
                sent.add(producer.send(record(topic, "record " + i)));
            }
        }
        for (int i = 0; i < 500; i++) {
            expect((long) i, sent.get(i).get().offset());
        }
        expect(numbered("record ", 500), values(read(topic, 1, 500)));
    }

    private static void bigMessage() throws Exception {
        String topic = topic("big", 1, Map.of("max.message.bytes", "3000000"));
        byte[] big = new byte[2_000_000];
        Arrays.fill(big, (byte) 'b');
        try (var producer = producer(Map.of("max.request.size", "4000000"))) {
            producer.send(new ProducerRecord<>(topic, big)).get();
        }
        expect(true, Arrays.equals(big, read(topic, 1, 1).get(0).value()));
        String small = topic("small", 1, Map.of());
        try (var producer = producer(Map.of("max.request.size", "4000000"))) {
            producer.send(new ProducerRecord<>(small, big)).get();
            throw new AssertionError("2 MB were taken where 1 MB is the limit");
        } catch (java.util.concurrent.ExecutionException refused) {
            expect("RecordTooLargeException", refused.getCause().getClass().getSimpleName());
        }
    }

    private static void headers() throws Exception {
        String topic = topic("headers", 1, Map.of());
        ProducerRecord<byte[], byte[]> record = record(topic, "with headers");
        record.headers().add("a", bytes("1")).add("a", bytes("2")).add("none", null);
        try (var producer = producer(Map.of())) {
            producer.send(record).get();
        }
        var headers = read(topic, 1, 1).get(0).headers().toArray();
        expect(3, headers.length);
        expect("2", new String(headers[1].value(), StandardCharsets.UTF_8));
        expect(null, headers[2].value());
    }

    private static void nulls() throws Exception {
        String topic = topic("nulls", 1, Map.of());
        try (var producer = producer(Map.of())) {
            producer.send(new ProducerRecord<>(topic, null, bytes("no key")));
            producer.send(new ProducerRecord<>(topic, bytes("no value"), null));
            producer.send(new ProducerRecord<>(topic, null, null));
        }
        var records = read(topic, 1, 3);
        expect(null, records.get(0).key());
        expect(null, records.get(1).value());
        expect(null, records.get(2).key());
        expect(null, records.get(2).value());
    }

    private static void manyPartitions() throws Exception {
        String topic = topic("many", 1_000, Map.of());
        try (var producer = producer(Map.of())) {
            for (int i = 0; i < 1_000; i++) {
                producer.send(new ProducerRecord<>(topic, i, null, bytes("record " + i)));
            }
        }
        expect(1_000, new HashSet<>(values(read(topic, 1_000, 1_000))).size());
    }

    /** The client takes the broker's answer for final; one that it took for passing would be repeated for a minute. */
    private static void transactionsRefused() {
        long began = System.nanoTime();
        try (var producer = producer(Map.of("transactional.id", prefix + "transactions"))) {
            producer.initTransactions();
        } catch (KafkaException refused) {
            expect(KafkaException.class, refused.getClass());
            expect(true, refused.getMessage().startsWith("Could not find a coordinator with type TRANSACTION"));
            expect(true, System.nanoTime() - began < AT_ONCE_NS);
            return;
        }
        throw new AssertionError("transactions were begun where there are none");
    }

    // What the scenarios are made of.

    /** What happens to a member's partitions. */
    private static final class Changes implements ConsumerRebalanceListener {
        private int assignments;
        private int mostGivenUpAtOnce;

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> given) {
            assignments++;
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> taken) {
            mostGivenUpAtOnce = Math.max(mostGivenUpAtOnce, taken.size());
        }
    }

    private static KafkaConsumer<byte[], byte[]> staticMember(String group, String instance) {
        return consumer(Map.of("group.id", group, "group.instance.id", instance, "enable.auto.commit", "false"));
    }

    private static Set<String> instances(String group) throws Exception {
        Set<String> instances = new TreeSet<>();
        admin.describeConsumerGroups(List.of(group)).all().get().get(group).members()
                .forEach(member -> instances.add(member.groupInstanceId().orElse("none")));
        return instances;
    }

    private static boolean isFenced(KafkaConsumer<byte[], byte[]> member) {
        try {
            member.poll(POLL);
            return false;
        } catch (FencedInstanceIdException fenced) {
            return true;
        }
    }

    private static String topic(String name, int partitions, Map<String, String> configs) throws Exception {
        admin.createTopics(List.of(new NewTopic(prefix + name, partitions, (short) 1).configs(configs))).all().get();
        return prefix + name;
    }

    private static String config(String topic, String key) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        return admin.describeConfigs(List.of(resource)).all().get().get(resource).get(key).value();
    }

    private static KafkaProducer<byte[], byte[]> producer(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        all.put("bootstrap.servers", bootstrap);
        return new KafkaProducer<>(all, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static KafkaConsumer<byte[], byte[]> consumer(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        all.put("bootstrap.servers", bootstrap);
        all.put("auto.offset.reset", "earliest");
        all.put("heartbeat.interval.ms", "300");
        all.put("max.partition.fetch.bytes", "4000000");
        return new KafkaConsumer<>(all, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static ProducerRecord<byte[], byte[]> record(String topic, String value) {
        return new ProducerRecord<>(topic, bytes(value));
    }

    private static List<ConsumerRecord<byte[], byte[]>> read(String topic, int partitions, int count) {
        try (var consumer = consumer(Map.of())) {
            List<TopicPartition> all = new ArrayList<>();
            for (int i = 0; i < partitions; i++) {
                all.add(new TopicPartition(topic, i));
            }
            consumer.assign(all);
            consumer.seekToBeginning(all);
            return poll(consumer, count);
        }
    }

    private static List<ConsumerRecord<byte[], byte[]>> poll(KafkaConsumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        long end = System.currentTimeMillis() + LIMIT_MS;
        while (records.size() < count && System.currentTimeMillis() < end) {
            consumer.poll(POLL).forEach(records::add);
        }
        if (records.size() != count) {
            throw new AssertionError(records.size() + " records where " + count + " were written");
        }
        return records;
    }

    private static KafkaConsumer<byte[], byte[]> pollInto(KafkaConsumer<byte[], byte[]> consumer, Collection<String> seen) {
        consumer.poll(POLL).forEach(record -> seen.add(new String(record.value(), StandardCharsets.UTF_8)));
        return consumer;
    }

    private interface Condition {
        boolean holds() throws Exception;
    }

    private static void until(String what, Condition condition) throws Exception {
        long end = System.currentTimeMillis() + LIMIT_MS;
        while (!condition.holds()) {
            if (System.currentTimeMillis() > end) {
                throw new AssertionError("not within " + LIMIT_MS + " ms: " + what);
            }
        }
    }

    private static List<String> values(List<ConsumerRecord<byte[], byte[]>> records) {
        List<String> values = new ArrayList<>();
        records.forEach(record -> values.add(new String(record.value(), StandardCharsets.UTF_8)));
        return values;
    }

    private static List<String> numbered(String prefix, int count) {
        return java.util.stream.IntStream.range(0, count).mapToObj(i -> prefix + i).collect(java.util.stream.Collectors.toList());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void expect(Object expected, Object actual) {
        if (!java.util.Objects.equals(expected, actual)) {
            throw new AssertionError("expected " + expected + " but got " + actual);
        }
    }
}
