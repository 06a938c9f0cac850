import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/** What was written to a topic, row by row, one record a partition, and the offset that each record was acknowledged with. */
final class Ledger {
    private static final int PADDING = 180;

    final String topic;
    final boolean idempotent;
    /** By partition: the offset by the row's number. */
    final List<Longs> acknowledged = IntStream.range(0, Acknowledged.PARTITIONS).mapToObj(partition -> new Longs()).toList();
    /** Rows handed to the producer; there can be no others in the log. */
    volatile long sent;
    /** Records that the producer gave up. */
    volatile long refused;
    volatile String refusal = "";

    Ledger(String topic, boolean idempotent) {
        this.topic = topic;
        this.idempotent = idempotent;
    }

    /** Reads what another client noted: a line "SENT REFUSED", then a line "PARTITION NUMBER OFFSET" for each acknowledgement. */
    static Ledger read(String topic, boolean idempotent, Path file) throws IOException {
        Ledger ledger = new Ledger(topic, idempotent);
        try (var lines = Files.newBufferedReader(file)) {
            String[] first = lines.readLine().split(" ");
            ledger.sent = Long.parseLong(first[0]);
            ledger.refused = Long.parseLong(first[1]);
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] words = line.split(" ");
                ledger.acknowledged.get(Integer.parseInt(words[0])).put(Long.parseLong(words[1]), Long.parseLong(words[2]));
            }
        }
        return ledger;
    }

    /** A record's value: its number, and bytes that follow from it. */
    static String value(long number) {
        return number + " " + String.valueOf((char) ('a' + number % 26)).repeat(PADDING);
    }

    /** The number of a value that {@link #value} makes, else -1. */
    static long number(String value) {
        int space = value.indexOf(' ');
        try {
            long number = Long.parseLong(value.substring(0, Math.max(space, 0)));
            return value(number).equals(value) ? number : -1;
        } catch (NumberFormatException other) {
            return -1;
        }
    }

    synchronized void refuse(Exception why) {
        refused++;
        refusal = why.toString();
    }

    long count() {
        return acknowledged.stream().mapToLong(Longs::count).sum();
    }
}
