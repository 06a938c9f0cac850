import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Reads along and notes which record was shown at which offset: what was shown once must stay. */
final class Witness extends Background {
    private final Map<TopicPartition, Longs> shown = new HashMap<>();
    private final Map<String, Object> settings;

    Witness(String bootstrap, List<String> topics) {
        settings = Map.of("bootstrap.servers", bootstrap, "auto.offset.reset", "earliest", "reconnect.backoff.max.ms", "200",
                "fetch.max.wait.ms", "100");
        for (String topic : topics) {
            for (int partition = 0; partition < Acknowledged.PARTITIONS; partition++) {
                shown.put(new TopicPartition(topic, partition), new Longs());
            }
        }
    }

    @Override
    public void run() {
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.assign(shown.keySet());
            while (!asked()) {
                consumer.poll(Duration.ofMillis(200)).forEach(record -> shown
                        .get(new TopicPartition(record.topic(), record.partition()))
                        .put(record.offset(), Ledger.number(record.value())));
            }
        }
    }

    /** By partition: the row's number by its offset. */
    List<Longs> shown(String topic) {
        List<Longs> partitions = new ArrayList<>();
        for (int partition = 0; partition < Acknowledged.PARTITIONS; partition++) {
            partitions.add(shown.get(new TopicPartition(topic, partition)));
        }
        return partitions;
    }

    long count() {
        return shown.values().stream().mapToLong(Longs::count).sum();
    }
}
