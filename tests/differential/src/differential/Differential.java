package differential;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Sends the same requests to Kafka and to another broker and tells where the answers differ.
 * Arguments: --kafka HOST:PORT --other HOST:PORT --cases DIR [--only PATTERN] [--deliberate FILE,FILE]
 * [--errors FILE --table FILE]; without --deliberate the other broker is Kafka too and must not differ at all.
 */
public final class Differential {
    private Differential() {}

    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < arguments.length; i += 2) {
            options.put(arguments[i].substring(2), arguments[i + 1]);
        }
        Pattern only = Pattern.compile(options.getOrDefault("only", ""));
        boolean otherIsKafka = !options.containsKey("deliberate");
        Deliberate deliberate = otherIsKafka ? Deliberate.none() : Deliberate.read(options.get("deliberate"));
        Report report = new Report(deliberate);
        try (Side kafka = new Side("kafka", options.get("kafka")); Side other = new Side("other", options.get("other"))) {
            Runner runner = new Runner(kafka, other, otherIsKafka, report);
            for (Path file : caseFiles(Path.of(options.get("cases")))) {
                for (Case each : Case.read(file)) {
                    if (only.matcher(each.name()).find()) {
                        run(runner, each, report);
                    }
                }
            }
        }
        boolean whole = options.getOrDefault("only", "").isEmpty();
        if (whole) {
            deliberate.idle().forEach(line -> System.out.println("IDLE deliberate difference, to be removed: " + line));
        }
        boolean tableRight = !whole || !options.containsKey("table")
                || ErrorTable.check(report.provoked, Path.of(options.get("errors")), Path.of(options.get("table")));
        System.out.println(report.versionsAsked.size() + " versions of APIs asked");
        System.out.println("pairs: " + report.passed() + " passed, " + report.failed() + " failed");
        System.exit(report.failed() == 0 && tableRight && (!whole || deliberate.idle().isEmpty()) ? 0 : 1);
    }

    private static void run(Runner runner, Case each, Report report) {
        try {
            runner.run(each);
        } catch (Exception why) {
            report.broke(each, why);
        }
    }

    private static List<Path> caseFiles(Path dir) throws java.io.IOException {
        try (var files = Files.list(dir)) {
            return files.filter(file -> file.toString().endsWith(".cases")).sorted().toList();
        }
    }
}
