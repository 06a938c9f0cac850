import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Reads a topic from the beginning to the end and holds it against its ledger: every acknowledged record at its offset,
 * in order, once if the producer was idempotent, and no record that nobody sent.
 */
final class Checker {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final String bootstrap;
    private final boolean strict;
    private final List<String> wrong = new ArrayList<>();
    private long lost;

    Checker(String bootstrap, boolean strict) {
        this.bootstrap = bootstrap;
        this.strict = strict;
    }

    List<String> wrong() {
        return wrong;
    }

    long lost() {
        return lost;
    }

    void check(Committer committer) {
        committer.look();
        if (strict && committer.wrong() != null) {
            wrong.add(committer.wrong());
        }
    }

    void check(Ledger ledger, List<Longs> shown) {
        if (strict && ledger.refused > 0) {
            wrong.add(ledger.topic + ": " + ledger.refused + " records were given up: " + ledger.refusal);
        }
        for (int partition = 0; partition < Acknowledged.PARTITIONS; partition++) {
            new Walk(ledger, partition, shown.get(partition)).run();
        }
    }

    /** One partition, from its beginning to its end. */
    private final class Walk {
        private final Ledger ledger;
        private final TopicPartition partition;
        private final Longs acknowledged;
        private final Longs shown;
        private final Longs found = new Longs();
        private long lastNumber = -1;
        private long lastAcknowledged = -1;
        private long nextOffset;

        Walk(Ledger ledger, int partition, Longs shown) {
            this.ledger = ledger;
            this.partition = new TopicPartition(ledger.topic, partition);
            this.acknowledged = ledger.acknowledged.get(partition);
            this.shown = shown;
        }

        void run() {
            try (var consumer = new KafkaConsumer<>(Map.<String, Object>of("bootstrap.servers", bootstrap), new StringDeserializer(), new StringDeserializer())) {
                consumer.assign(List.of(partition));
                consumer.seekToBeginning(List.of(partition));
                long end = consumer.endOffsets(List.of(partition)).get(partition);
                long deadline = System.nanoTime() + PATIENCE.toNanos();
                while (consumer.position(partition) < end) {
                    var records = consumer.poll(Duration.ofMillis(200));
                    records.forEach(this::visit);
                    if (!records.isEmpty()) {
                        deadline = System.nanoTime() + PATIENCE.toNanos();
                    } else if (System.nanoTime() > deadline) {
                        wrong.add(partition + " cannot be read from " + consumer.position(partition) + " to " + end);
                        return;
                    }
                }
            }
            for (int number = 0; number < acknowledged.end(); number++) {
                long offset = acknowledged.get(number);
                if (offset != Longs.NOTHING && found.get(offset) != number) {
                    lose(number + " was acknowledged at " + offset + ", where there is " + found.get(offset));
                }
            }
            for (int offset = 0; offset < shown.end(); offset++) {
                if (shown.get(offset) != Longs.NOTHING && shown.get(offset) != found.get(offset)) {
                    lose(shown.get(offset) + " was shown at " + offset + ", where there is " + found.get(offset));
                }
            }
        }

        private void visit(ConsumerRecord<String, String> record) {
            long number = Ledger.number(record.value());
            if (number < 0 || number >= ledger.sent) {
                wrong.add(partition + ": " + number + " at " + record.offset() + " was never sent");
            }
            if (record.offset() != nextOffset) {
                wrong.add(partition + ": " + record.offset() + " comes after " + (nextOffset - 1));
            }
            nextOffset = record.offset() + 1;
            found.put(record.offset(), number);
            boolean isAcknowledged = acknowledged.get(number) == record.offset();
            boolean inOrder = ledger.idempotent ? number > lastNumber : !isAcknowledged || number > lastAcknowledged;
            if (strict && !inOrder) {
                wrong.add(partition + ": " + number + " at " + record.offset() + " is out of order or there twice");
            }
            lastNumber = number;
            lastAcknowledged = isAcknowledged ? number : lastAcknowledged;
        }

        private void lose(String what) {
            lost++;
            if (strict) {
                wrong.add(partition + ": " + what);
            }
        }
    }
}
