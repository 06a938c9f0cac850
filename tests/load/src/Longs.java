import java.util.Arrays;

/** An array that grows: a long, or nothing, by its place. */
final class Longs {
    static final long NOTHING = -1;
    private long[] values = new long[0];

    synchronized void put(long place, long value) {
        int at = Math.toIntExact(place);
        if (at >= values.length) {
            int before = values.length;
            values = Arrays.copyOf(values, Math.max(at + 1, before * 2));
            Arrays.fill(values, before, values.length, NOTHING);
        }
        values[at] = value;
    }

    synchronized long get(long place) {
        return place >= 0 && place < values.length ? values[(int) place] : NOTHING;
    }

    synchronized int end() {
        return values.length;
    }

    synchronized long count() {
        return Arrays.stream(values).filter(value -> value != NOTHING).count();
    }
}
