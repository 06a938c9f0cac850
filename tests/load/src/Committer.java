import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Commits rising offsets of a group, and looks again and again whether they went back. */
final class Committer extends Background {
    private static final int LOOK_EACH = 10;

    private final String bootstrap;
    private final TopicPartition partition;
    private volatile long acknowledged;
    private volatile String wrong;

    Committer(String bootstrap, String topic) {
        this.bootstrap = bootstrap;
        this.partition = new TopicPartition(topic, 0);
    }

    long acknowledged() {
        return acknowledged;
    }

    /** Null if no acknowledged commit ever went back. */
    String wrong() {
        return wrong;
    }

    @Override
    public void run() {
        try (var consumer = consumer()) {
            consumer.assign(Set.of(partition));
            for (long next = 1; !asked(); next++) {
                try {
                    consumer.commitSync(Map.of(partition, new OffsetAndMetadata(next)), Duration.ofSeconds(5));
                    acknowledged = next;
                    if (next % LOOK_EACH == 0) {
                        look(consumer);
                    }
                    pause(20);
                } catch (RuntimeException unacknowledged) {
                    // Not acknowledged: it may or may not be there.
                }
            }
        }
    }

    /** Looks after the end of the load. */
    void look() {
        try (var consumer = consumer()) {
            look(consumer);
        }
    }

    private void look(KafkaConsumer<String, String> consumer) {
        long least = acknowledged;
        OffsetAndMetadata found = consumer.committed(Set.of(partition)).get(partition);
        if (least > 0 && (found == null || found.offset() < least)) {
            wrong = "commit " + least + " was acknowledged, and there is " + found;
        }
    }

    private KafkaConsumer<String, String> consumer() {
        return new KafkaConsumer<>(Map.of("bootstrap.servers", bootstrap, "group.id", "acknowledged", "enable.auto.commit", "false",
                "reconnect.backoff.max.ms", "200"), new StringDeserializer(), new StringDeserializer());
    }
}
