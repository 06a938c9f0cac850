import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Semaphore;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Writes row after row and notes in the ledger what is acknowledged. */
final class Writer extends Background {
    private static final int IN_FLIGHT = 2_000;

    private final Map<String, Object> settings = new HashMap<>(Map.of("acks", "all", "delivery.timeout.ms", "110000",
            "request.timeout.ms", "5000", "reconnect.backoff.max.ms", "200", "linger.ms", "2"));
    private final Ledger ledger;
    private final int rowsPerSecond;

    Writer(String bootstrap, Ledger ledger, int rowsPerSecond) {
        this.ledger = ledger;
        this.rowsPerSecond = rowsPerSecond;
        settings.put("bootstrap.servers", bootstrap);
        settings.put("enable.idempotence", ledger.idempotent);
        // A plain producer keeps the order only with one request at a time.
        settings.put("max.in.flight.requests.per.connection", ledger.idempotent ? 5 : 1);
    }

    @Override
    public void run() {
        Semaphore room = new Semaphore(IN_FLIGHT);
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            long began = System.nanoTime();
            for (long number = 0; !asked(); number++) {
                ledger.sent = number + 1;
                for (int partition = 0; partition < Acknowledged.PARTITIONS; partition++) {
                    room.acquireUninterruptibly();
                    send(producer, partition, number, room);
                }
                if (number * 1_000 > (System.nanoTime() - began) / 1_000_000 * rowsPerSecond) {
                    pause(1);
                }
            }
        }
    }

    private void send(KafkaProducer<String, String> producer, int partition, long number, Semaphore room) {
        var record = new ProducerRecord<String, String>(ledger.topic, partition, null, Ledger.value(number));
        producer.send(record, (metadata, failure) -> {
            room.release();
            if (failure == null) {
                ledger.acknowledged.get(partition).put(number, metadata.offset());
            } else {
                ledger.refuse(failure);
            }
        });
    }
}
