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
            "(?:@(?<connection>\\w+) )?(?<send>send )?(?<api>[A-Z]\\w+) (?<versions>\\S+)"
            + "(?: (?<how>until|soon)\\((?<path>[^=]+)=(?<value>[^)]*)\\))? (?<body>\\{.*)");
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

    /** One request to both brokers. */
    private record Question(String connection, ApiKeys api, short version, Matcher step) {
        boolean holds(Side.Answer answer) {
            return step.group("how") != null && at(answer.body(), step.group("path")).asText().equals(step.group("value"));
        }

        /** Whether the broker may be asked again until it has what is waited for. */
        boolean isLate(Side.Answer answer, boolean kafka) {
            return ("until".equals(step.group("how")) || kafka && "soon".equals(step.group("how"))) && !holds(answer);
        }

        /** A coordinator that is still loading has done nothing, and may be asked again, unless that is what is waited for. */
        boolean isLoading(Side.Answer answer) {
            return !holds(answer) && answer.body().findValues("errorCode").stream()
                    .anyMatch(code -> COORDINATOR_NOT_YET.contains(code.asInt()));
        }
    }

    private void request(Matcher step) throws Exception {
        ApiKeys api = java.util.Arrays.stream(ApiKeys.values()).filter(key -> key.name.equals(step.group("api"))).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no API " + step.group("api")));
        String connection = step.group("connection") == null ? "main" : step.group("connection");
        for (short version : versions(api, step.group("versions"))) {
            sides().forEach(side -> side.variables.putIfAbsent("v", ""));
            String outer = kafka.variables.get("v");
            if (outer.isEmpty()) {
                sides().forEach(side -> side.variables.put("v", Short.toString(version)));
            }
            Question question = new Question(connection, api, version, step);
            if (step.group("send") != null) {
                sentOn.put(connection, new Sent(api, version));
                send(kafka, question);
                send(other, question);
            } else {
                askBoth(question);
            }
            sides().forEach(side -> side.variables.put("v", outer));
        }
    }

    private void send(Side side, Question question) throws Exception {
        ApiMessage body = body(side, question.api(), question.version(), question.step().group("body"));
        side.send(question.connection(), question.api(), question.version(), body);
        if (body instanceof org.apache.kafka.common.message.ProduceRequestData produce && produce.acks() == 0) {
            side.expectNothing(question.connection());
        }
    }

    private Side.Answer again(Side side, Question question) throws Exception {
        Thread.sleep(SETTLE_PAUSE_MS);
        send(side, question);
        return side.receive(question.connection());
    }

    private void askBoth(Question question) throws Exception {
        send(kafka, question);
        // What follows a topic's creation is to follow the other broker's answer at once, not Kafka's.
        Side.Answer first = question.api() == ApiKeys.CREATE_TOPICS ? kafka.receive(question.connection()) : null;
        send(other, question);
        if (question.step().group("body").matches(".*\\backs: 0\\b.*")) {
            return;
        }
        Side.Answer expected = first == null ? kafka.receive(question.connection()) : first;
        Side.Answer actual = other.receive(question.connection());
        for (int tries = 0; tries < SETTLE_TRIES && (question.isLate(expected, true) || question.isLate(actual, otherIsKafka)); tries++) {
            boolean kafkaIsLate = question.isLate(expected, true);
            expected = kafkaIsLate ? again(kafka, question) : expected;
            actual = kafkaIsLate ? actual : again(other, question);
        }
        for (int tries = 0; tries < SETTLE_TRIES && (question.isLoading(expected) || question.isLoading(actual)); tries++) {
            boolean kafkaIsLoading = question.isLoading(expected);
            expected = kafkaIsLoading ? again(kafka, question) : expected;
            actual = kafkaIsLoading ? actual : again(other, question);
        }
        boolean mayBeAskedAgain = READ_ONLY.contains(question.api()) && expected.instead() == null;
        for (int tries = 0; mayBeAskedAgain && tries < SETTLE_TRIES && differ(question.api(), expected, actual); tries++) {
            expected = again(kafka, question);
            actual = otherIsKafka ? again(other, question) : actual;
        }
        if (question.isLate(expected, true)) {
            report.broke(current, new IllegalStateException("Kafka never came to this: " + substitute(kafka, question.step().group())));
        }
        compare(question.api(), question.version(), substitute(kafka, question.step().group()), expected, actual);
    }

    private boolean differ(ApiKeys api, Side.Answer expected, Side.Answer actual) throws Exception {
        return !report.differences(current, api, kafka.normalized(api, expected), other.normalized(api, actual)).isEmpty();
    }

    private Side.Answer lastOfKafka;
    private Side.Answer lastOfOther;

    private void compare(ApiKeys api, short version, String step, Side.Answer expected, Side.Answer actual) throws Exception {
        lastOfKafka = expected;
        lastOfOther = actual;
        report.pair(current, api, version, step, kafka.normalized(api, expected), other.normalized(api, actual));
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
