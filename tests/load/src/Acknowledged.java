import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;

/**
 * Writes numbered records with an idempotent and a plain producer, commits offsets of a group, and reads along, while the
 * broker is killed and started; then tells whether everything that was acknowledged, or shown, is where it was.
 *
 * <pre>Acknowledged BOOTSTRAP ROWS_PER_SECOND {strict|lossy}</pre>
 *
 * Says "writing" when it does. Each line of the standard input names what another client wrote: TOPIC KIND FILE (see
 * {@link Ledger#read}); the end of the input ends the writing and begins the check. The last line that is said tells
 * "ok" or "FAIL" and counts. With "lossy", a loss is counted but not wrong: what is there must still be sound.
 */
public final class Acknowledged {
    static final int PARTITIONS = 4;
    private static final String[] FOREIGN = {"librdkafka-idempotent", "librdkafka-plain"};

    private Acknowledged() {}

    public static void main(String[] arguments) throws Exception {
        String bootstrap = arguments[0];
        int rowsPerSecond = Integer.parseInt(arguments[1]);
        boolean strict = arguments[2].equals("strict");
        List<Ledger> ledgers = new ArrayList<>();
        ledgers.add(new Ledger("java-idempotent", true));
        ledgers.add(new Ledger("java-plain", false));
        List<String> topics = new ArrayList<>(List.of(FOREIGN));
        ledgers.forEach(ledger -> topics.add(ledger.topic));
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(topics.stream().map(topic -> new NewTopic(topic, PARTITIONS, (short) 1)).toList()).all().get();
        }

        Committer committer = new Committer(bootstrap, ledgers.get(0).topic);
        Witness witness = new Witness(bootstrap, topics);
        List<Background> work = new ArrayList<>(List.of(committer, witness));
        ledgers.forEach(ledger -> work.add(new Writer(bootstrap, ledger, rowsPerSecond)));
        work.forEach(Thread::start);
        System.out.println("writing");
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] words = line.split(" ");
            ledgers.add(Ledger.read(words[0], words[1].equals("idempotent"), Path.of(words[2])));
        }
        work.forEach(Background::ask);
        for (Background thread : work) {
            thread.join();
        }

        Checker checker = new Checker(bootstrap, strict);
        ledgers.forEach(ledger -> checker.check(ledger, witness.shown(ledger.topic)));
        checker.check(committer);
        checker.wrong().stream().limit(20).forEach(System.out::println);
        long count = ledgers.stream().mapToLong(Ledger::count).sum();
        boolean ok = checker.wrong().isEmpty() && count > 0;
        System.out.println((ok ? "ok " : "FAIL ") + count + " acknowledged, " + witness.count() + " shown, " + committer.acknowledged()
                + " commits, " + checker.lost() + " lost, " + checker.wrong().size() + " wrong");
        System.exit(ok ? 0 : 1);
    }
}
