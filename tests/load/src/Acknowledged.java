import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Writes numbered records to a few partitions, and commits offsets of a group, until a line comes in; then
 * reads everything and tells whether each acknowledged record is where it was acknowledged, in order and once,
 * and the last acknowledged commit too. The broker may be killed and started meanwhile.
 */
public final class Acknowledged {
    private static final int PARTITIONS = 6;
    private static final int IN_FLIGHT = 2_000;
    private static final int PADDING = 200;
    private static final String GROUP = "acknowledged";

    private final String bootstrap;
    private final String topic;
    /** For each partition: the offset that each number was acknowledged with. */
    private final List<Map<Long, Long>> acknowledged = new ArrayList<>();
    private volatile long committed;
    private volatile boolean stopped;

    private Acknowledged(String bootstrap, String topic) {
        this.bootstrap = bootstrap;
        this.topic = topic;
        for (int partition = 0; partition < PARTITIONS; partition++) {
            acknowledged.add(new ConcurrentHashMap<>());
        }
    }

    public static void main(String[] arguments) throws Exception {
        Acknowledged load = new Acknowledged(arguments[0], arguments[1]);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", arguments[0]))) {
            admin.createTopics(List.of(new NewTopic(arguments[1], PARTITIONS, (short) 1))).all().get();
        }
        Thread writer = new Thread(load::write);
        Thread committer = new Thread(load::commit);
        writer.start();
        committer.start();
        System.out.println("writing");
        System.in.read();
        load.stopped = true;
        writer.join();
        committer.join();
        List<String> wrong = load.check();
        wrong.stream().limit(20).forEach(System.out::println);
        long count = load.acknowledged.stream().mapToLong(Map::size).sum();
        System.out.println((wrong.isEmpty() ? "ok " : "FAIL ") + count + " records and commit " + load.committed + " acknowledged, " + wrong.size() + " wrong");
        System.exit(wrong.isEmpty() && count > 0 ? 0 : 1);
    }

    private void write() {
        Semaphore room = new Semaphore(IN_FLIGHT);
        String padding = "x".repeat(PADDING);
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "acks", "all", "enable.idempotence", "true",
                "delivery.timeout.ms", "110000", "request.timeout.ms", "5000", "reconnect.backoff.max.ms", "200");
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            for (long number = 0; !stopped; number++) {
                for (int partition = 0; partition < PARTITIONS; partition++) {
                    room.acquireUninterruptibly();
                    long sent = number;
                    Map<Long, Long> offsets = acknowledged.get(partition);
                    producer.send(new ProducerRecord<>(topic, partition, null, number + " " + padding), (metadata, failure) -> {
                        room.release();
                        if (failure == null) {
                            offsets.put(sent, metadata.offset());
                        } else {
                            System.out.println("not acknowledged: " + failure);
                        }
                    });
                }
            }
        }
    }

    private void commit() {
        try (var consumer = consumer()) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            for (long next = 1; !stopped; next++) {
                try {
                    consumer.commitSync(Map.of(partition, new OffsetAndMetadata(next)), Duration.ofSeconds(5));
                    committed = next;
                    Thread.sleep(20);
                } catch (RuntimeException unacknowledged) {
                    // Not acknowledged: it may or may not be there.
                } catch (InterruptedException stop) {
                    return;
                }
            }
        }
    }

    private KafkaConsumer<String, String> consumer() {
        return new KafkaConsumer<>(Map.of("bootstrap.servers", bootstrap, "group.id", GROUP, "enable.auto.commit", "false",
                "reconnect.backoff.max.ms", "200"), new StringDeserializer(), new StringDeserializer());
    }

    private List<String> check() {
        List<String> wrong = new ArrayList<>();
        try (var consumer = consumer()) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (int partition = 0; partition < PARTITIONS; partition++) {
                partitions.add(new TopicPartition(topic, partition));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            Map<Integer, Long> last = new HashMap<>();
            List<Set<Long>> seen = new ArrayList<>();
            partitions.forEach(partition -> seen.add(new HashSet<>()));
            while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
                consumer.poll(Duration.ofMillis(200)).forEach(record -> {
                    long number = Long.parseLong(record.value().split(" ")[0]);
                    if (number <= last.getOrDefault(record.partition(), -1L)) {
                        wrong.add(record.partition() + ": " + number + " at " + record.offset() + " out of order or twice");
                    }
                    last.put(record.partition(), number);
                    seen.get(record.partition()).add(number);
                    Long at = acknowledged.get(record.partition()).get(number);
                    if (at != null && at >= 0 && at != record.offset()) {
                        wrong.add(record.partition() + ": " + number + " acknowledged at " + at + " but at " + record.offset());
                    }
                });
            }
            for (int partition = 0; partition < PARTITIONS; partition++) {
                for (Long number : acknowledged.get(partition).keySet()) {
                    if (!seen.get(partition).contains(number)) {
                        wrong.add(partition + ": " + number + " was acknowledged and is lost");
                    }
                }
            }
            OffsetAndMetadata found = consumer.committed(Set.of(partitions.get(0))).get(partitions.get(0));
            if (committed > 0 && (found == null || found.offset() < committed)) {
                wrong.add("commit " + committed + " was acknowledged, and there is " + found);
            }
        }
        return wrong;
    }
}
