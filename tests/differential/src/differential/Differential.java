package differential;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

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
        Set<String> served;
        try (Side kafka = new Side("kafka", options.get("kafka")); Side other = new Side("other", options.get("other"))) {
            served = versionsServed(other);
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
        List<String> wrong = whole ? wrong(deliberate, otherIsKafka ? Set.of() : served, report.versionsAsked) : List.of();
        wrong.forEach(System.out::println);
        boolean tableRight = !whole || !options.containsKey("table")
                || ErrorTable.check(report, Path.of(options.get("errors")), Path.of(options.get("table")));
        System.out.println(report.versionsAsked.size() + " versions of APIs asked");
        System.out.println("pairs: " + report.passed() + " passed, " + report.failed() + " failed");
        System.exit(report.failed() == 0 && tableRight && wrong.isEmpty() ? 0 : 1);
    }

    /** What a run of all cases says against them. */
    private static List<String> wrong(Deliberate deliberate, Set<String> served, Set<String> asked) {
        return Stream.concat(
                deliberate.idle().stream().map(line -> "IDLE deliberate difference, to be removed: " + line),
                served.stream().filter(version -> !asked.contains(version)).map(version -> "NEVER ASKED: " + version)).toList();
    }

    /** "API VERSION" of all that a broker advertises, without what it does so for old clients only and Kafka cannot parse. */
    private static Set<String> versionsServed(Side side) throws Exception {
        var question = new ApiVersionsRequestData().setClientSoftwareName("differential").setClientSoftwareVersion("1");
        Set<String> served = new TreeSet<>();
        for (JsonNode range : side.ask("versions", ApiKeys.API_VERSIONS, (short) 4, question).body().path("apiKeys")) {
            ApiKeys api = ApiKeys.forId(range.path("apiKey").asInt());
            for (int version = range.path("minVersion").asInt(); version <= range.path("maxVersion").asInt(); version++) {
                if (api.isVersionSupported((short) version)) {
                    served.add(api.name + " " + version);
                }
            }
        }
        if (served.isEmpty()) {
            throw new IllegalStateException(side.name + " serves nothing");
        }
        return served;
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
