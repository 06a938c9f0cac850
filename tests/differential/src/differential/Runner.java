package differential;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;

/** Walks the steps of a case on both sides and hands each pair of answers to the report. See README.md for the steps. */
final class Runner {
    private static final Pattern STEP = Pattern.compile(
            "(?:@(\\w+) )?(send )?([A-Z]\\w+) (\\S+)(?: until\\(([^=]+)=([^)]*)\\))? (\\{.*)");
    private static final Pattern VARIABLE = Pattern.compile("\\$(?:id\\(([^)]+)\\)|(\\w+))");
    private static final int SETTLE_TRIES = 60;
    private static final int SETTLE_PAUSE_MS = 50;
    /** Requests that change nothing: Kafka, which spreads its metadata in the background, may be asked again. */
    private static final Set<ApiKeys> READ_ONLY = Set.of(ApiKeys.METADATA, ApiKeys.DESCRIBE_TOPIC_PARTITIONS,
            ApiKeys.DESCRIBE_CONFIGS, ApiKeys.DESCRIBE_CLUSTER, ApiKeys.DESCRIBE_GROUPS, ApiKeys.DESCRIBE_LOG_DIRS,
            ApiKeys.DESCRIBE_PRODUCERS, ApiKeys.DESCRIBE_QUORUM, ApiKeys.LIST_GROUPS, ApiKeys.LIST_OFFSETS,
            ApiKeys.LIST_CONFIG_RESOURCES, ApiKeys.LIST_PARTITION_REASSIGNMENTS, ApiKeys.OFFSET_FETCH,
            ApiKeys.OFFSET_FOR_LEADER_EPOCH, ApiKeys.FIND_COORDINATOR, ApiKeys.API_VERSIONS);

    private static final Set<Integer> COORDINATOR_NOT_YET = Set.of((int) Errors.COORDINATOR_LOAD_IN_PROGRESS.code(),
            (int) Errors.COORDINATOR_NOT_AVAILABLE.code(), (int) Errors.NOT_COORDINATOR.code());

    private final Side kafka;
    private final Side other;
    private final boolean otherIsKafka;
    private final Report report;
    private Case current;

    Runner(Side kafka, Side other, boolean otherIsKafka, Report report) {
        this.kafka = kafka;
        this.other = other;
        this.otherIsKafka = otherIsKafka;
        this.report = report;
    }

    void run(Case next) throws Exception {
        current = next;
        for (Side side : sides()) {
            side.forget();
            long now = System.currentTimeMillis();
            side.variables.put("now", Long.toString(now));
            side.variables.put("yesterday", Long.toString(now - 86_400_000L));
            side.variables.put("tomorrow", Long.toString(now + 86_400_000L));
        }
        run(next.steps());
    }

    private List<Side> sides() {
        return List.of(kafka, other);
    }

    private void run(List<String> steps) throws Exception {
        for (int at = 0; at < steps.size(); at++) {
            if (!steps.get(at).startsWith("each ")) {
                step(steps.get(at));
                continue;
            }
            int end = endOf(steps, at);
            String[] words = steps.get(at).split(" ", 3);
            for (String value : values(words[2])) {
                for (Side side : sides()) {
                    side.variables.put(words[1], substitute(side, value));
                }
                run(steps.subList(at + 1, end));
            }
            at = end;
        }
    }

    private static int endOf(List<String> steps, int begin) {
        int depth = 0;
        for (int at = begin; at < steps.size(); at++) {
            depth += steps.get(at).startsWith("each ") ? 1 : steps.get(at).equals("end") ? -1 : 0;
            if (depth == 0) {
                return at;
            }
        }
        throw new IllegalArgumentException("no end to " + steps.get(begin));
    }

    private static List<String> values(String range) {
        if (!range.matches("\\d+-\\d+")) {
            return List.of(range.split(range.contains("|") ? "\\|" : ","));
        }
        List<String> values = new ArrayList<>();
        for (int value = first(range); value <= last(range); value++) {
            values.add(Integer.toString(value));
        }
        return values;
    }

    private void step(String step) throws Exception {
        String[] words = step.split(" ", 3);
        Matcher request = STEP.matcher(step);
        if (words[0].equals("topic")) {
            topic(words[1], words.length > 2 ? words[2] : "1");
        } else if (words[0].equals("let")) {
            let(words[1], words[2].substring(2));
        } else if (words[0].equals("pause")) {
            Thread.sleep(Long.parseLong(words[1]));
        } else if (words[0].equals("restart")) {
            restart(step);
        } else if (words[0].equals("close")) {
            for (Side side : sides()) {
                side.close(words[1].substring(1));
            }
        } else if (words[0].equals("raw") || words[0].equals("frame")) {
            raw(step);
        } else if (words.length > 1 && words[1].equals("receive")) {
            String connection = words[0].substring(1);
            Sent sent = sentOn.get(connection);
            compare(sent.api(), sent.version(), step, kafka.receive(connection), other.receive(connection));
        } else if (request.matches()) {
            request(request);
        } else {
            throw new IllegalArgumentException(current.name() + ": what is " + step);
        }
    }

    /** Has both brokers restarted by whoever started them, who answers with a line. */
    private void restart(String step) throws Exception {
        for (Side side : sides()) {
            side.forget();
        }
        System.out.println(step);
        if (System.in.read() < 0) {
            throw new IllegalStateException("nobody restarts the brokers");
        }
    }

    private record Sent(ApiKeys api, short version) {}

    /** What was last sent, without waiting, on each connection. */
    private final Map<String, Sent> sentOn = new HashMap<>();

    private void request(Matcher step) throws Exception {
        ApiKeys api = java.util.Arrays.stream(ApiKeys.values()).filter(key -> key.name.equals(step.group(3))).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no API " + step.group(3)));
        String connection = step.group(1) == null ? "main" : step.group(1);
        for (short version : versions(api, step.group(4))) {
            sides().forEach(side -> side.variables.putIfAbsent("v", ""));
            String outer = kafka.variables.get("v");
            if (outer.isEmpty()) {
                sides().forEach(side -> side.variables.put("v", Short.toString(version)));
            }
            if (step.group(2) != null) {
                sentOn.put(connection, new Sent(api, version));
                for (Side side : sides()) {
                    side.send(connection, api, version, body(side, api, version, step.group(7)));
                }
            } else {
                askBoth(connection, api, version, step);
            }
            sides().forEach(side -> side.variables.put("v", outer));
        }
    }

    private void askBoth(String connection, ApiKeys api, short version, Matcher step) throws Exception {
        for (Side side : sides()) {
            ApiMessage body = body(side, api, version, step.group(7));
            side.send(connection, api, version, body);
            if (body instanceof org.apache.kafka.common.message.ProduceRequestData produce && produce.acks() == 0) {
                side.expectNothing(connection);
            }
        }
        if (step.group(7).matches(".*\\backs: 0\\b.*")) {
            return;
        }
        Side.Answer expected = kafka.receive(connection);
        Side.Answer actual = other.receive(connection);
        for (int tries = 0; step.group(5) != null && tries < SETTLE_TRIES; tries++) {
            boolean kafkaReady = holds(expected, step);
            if (kafkaReady && holds(actual, step)) {
                break;
            }
            Thread.sleep(SETTLE_PAUSE_MS);
            Side late = kafkaReady ? other : kafka;
            Side.Answer again = late.ask(connection, api, version, body(late, api, version, step.group(7)));
            expected = late == kafka ? again : expected;
            actual = late == other ? again : actual;
        }
        for (int tries = 0; tries < SETTLE_TRIES && (notYet(expected) || notYet(actual)); tries++) {
            Thread.sleep(SETTLE_PAUSE_MS);
            Side late = notYet(expected) ? kafka : other;
            Side.Answer again = late.ask(connection, api, version, body(late, api, version, step.group(7)));
            expected = late == kafka ? again : expected;
            actual = late == other ? again : actual;
        }
        for (int tries = 0; READ_ONLY.contains(api) && tries < SETTLE_TRIES && differ(api, expected, actual); tries++) {
            Thread.sleep(SETTLE_PAUSE_MS);
            expected = kafka.ask(connection, api, version, body(kafka, api, version, step.group(7)));
            if (otherIsKafka) {
                actual = other.ask(connection, api, version, body(other, api, version, step.group(7)));
            }
        }
        compare(api, version, substitute(kafka, step.group(0)), expected, actual);
    }

    /** A coordinator that is still loading has done nothing, and may be asked again. */
    private static boolean notYet(Side.Answer answer) {
        return answer.body().findValues("errorCode").stream().anyMatch(code -> COORDINATOR_NOT_YET.contains(code.asInt()));
    }

    private static boolean holds(Side.Answer answer, Matcher step) {
        return at(answer.body(), step.group(5)).asText().equals(step.group(6));
    }

    private boolean differ(ApiKeys api, Side.Answer expected, Side.Answer actual) throws Exception {
        return !kafka.names.normalize(api, expected.body()).equals(other.names.normalize(api, actual.body()));
    }

    private Side.Answer lastOfKafka;
    private Side.Answer lastOfOther;

    private void compare(ApiKeys api, short version, String step, Side.Answer expected, Side.Answer actual) throws Exception {
        lastOfKafka = expected;
        lastOfOther = actual;
        report.pair(current, api, version, step, expected.instead(), kafka.names.normalize(api, expected.body()),
                actual.instead(), other.names.normalize(api, actual.body()), expected.encoding(), actual.encoding());
    }

    private ApiMessage body(Side side, ApiKeys api, short version, String text) throws Exception {
        try {
            return Binder.request(api, version, Side.JSON.readTree(substitute(side, text)));
        } catch (com.fasterxml.jackson.core.JacksonException malformed) {
            throw new IllegalArgumentException(current.name() + ": " + substitute(side, text), malformed);
        }
    }

    private static String substitute(Side side, String text) throws Exception {
        StringBuilder result = new StringBuilder();
        Matcher variable = VARIABLE.matcher(text);
        while (variable.find()) {
            String value = variable.group(1) != null ? side.names.topicId(substitute(side, variable.group(1)))
                    : side.variables.get(variable.group(2));
            if (value == null) {
                throw new IllegalArgumentException("nothing is called " + variable.group());
            }
            variable.appendReplacement(result, Matcher.quoteReplacement(value));
        }
        return variable.appendTail(result).toString();
    }

    /** "2-7", "5+", "7", "3,8,12", "last", "*", or "~" for the version of the surrounding loop, held within the API's own. */
    private List<Short> versions(ApiKeys api, String text) {
        short oldest = api.oldestVersion();
        short latest = api.latestVersion(false);
        if (text.equals("~")) {
            return List.of((short) Math.max(oldest, Math.min(latest, Short.parseShort(kafka.variables.get("v")))));
        }
        if (text.contains(",")) {
            return java.util.Arrays.stream(text.split(",")).map(Short::parseShort).toList();
        }
        int from = text.equals("*") ? oldest : text.equals("last") ? latest : first(text);
        int to = text.equals("*") || text.equals("last") || text.endsWith("+") ? latest : last(text);
        List<Short> versions = new ArrayList<>();
        for (int version = from; version <= to; version++) {
            versions.add((short) version);
        }
        return versions;
    }

    private static int first(String range) {
        return Integer.parseInt(range.replaceAll("[-+].*", ""));
    }

    private static int last(String range) {
        return Integer.parseInt(range.replaceAll(".*-", ""));
    }

    /** Creates a topic on both sides and waits until its partitions are led. */
    private void topic(String name, String rest) throws Exception {
        String[] words = rest.split(" ");
        StringBuilder configs = new StringBuilder();
        for (int i = 1; i < words.length; i++) {
            String[] pair = words[i].split("=", 2);
            configs.append("{name: '").append(pair[0]).append("', value: '").append(pair[1]).append("'},");
        }
        String create = "{timeoutMs: 10000, topics: [{name: '" + name + "', numPartitions: " + words[0]
                + ", replicationFactor: 1, configs: [" + configs.toString().replaceAll(",$", "") + "]}]}";
        for (Side side : sides()) {
            side.ask("main", ApiKeys.CREATE_TOPICS, (short) 7, body(side, ApiKeys.CREATE_TOPICS, (short) 7, create));
            for (int partition = 0; partition < Integer.parseInt(words[0]); partition++) {
                awaitLeader(side, name, partition);
            }
        }
    }

    private void awaitLeader(Side side, String topic, int partition) throws Exception {
        String earliest = "{replicaId: -1, topics: [{name: '" + topic + "', partitions: [{partitionIndex: " + partition
                + ", timestamp: -2}]}]}";
        for (int tries = 0; tries < SETTLE_TRIES * 3; tries++) {
            Side.Answer answer = side.ask("main", ApiKeys.LIST_OFFSETS, (short) 7,
                    body(side, ApiKeys.LIST_OFFSETS, (short) 7, earliest));
            if (at(answer.body(), "topics.0.partitions.0.errorCode").asInt(-1) == 0) {
                return;
            }
            Thread.sleep(SETTLE_PAUSE_MS);
        }
        throw new IllegalStateException(current.name() + ": " + topic + " has no leader on " + side.name);
    }

    private void let(String name, String path) {
        kafka.variables.put(name, at(lastOfKafka.body(), path).asText());
        other.variables.put(name, at(lastOfOther.body(), path).asText());
    }

    private static JsonNode at(JsonNode node, String path) {
        return node.at("/" + path.replace(".", "/"));
    }

    /** "raw HEX" sends just these bytes; "frame KEY VERSION HEX" a frame with a v1 header and this body. */
    private void raw(String step) throws Exception {
        String[] words = step.split(" ", 4);
        byte[] bytes;
        if (words[0].equals("raw")) {
            bytes = HexFormat.of().parseHex(step.substring(4).replace(" ", ""));
        } else {
            byte[] body = HexFormat.of().parseHex(words.length > 3 ? words[3].replace(" ", "") : "");
            bytes = java.nio.ByteBuffer.allocate(4 + 11 + body.length).putInt(11 + body.length)
                    .putShort(Short.parseShort(words[1])).putShort(Short.parseShort(words[2])).putInt(Side.RAW_CORRELATION_ID)
                    .putShort((short) 1).put((byte) 'x').put(body).array();
        }
        ApiKeys decodedAs = step.startsWith("frame 18 ") ? ApiKeys.API_VERSIONS : null;
        compare(decodedAs, (short) 0, step, kafka.askRaw("raw", bytes, decodedAs), other.askRaw("raw", bytes, decodedAs));
    }
}
