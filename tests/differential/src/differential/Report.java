package differential;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.Set;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/** Compares pairs of answers, counts them, and remembers which case provoked which error code. */
final class Report {
    private static final int LONGEST_SHOWN = 300;
    private static final int MOST_SHOWN = 12;

    private final Deliberate deliberate;
    private int passed;
    private int failed;
    /** "API ERROR" to the first case that made Kafka answer so. */
    final Map<String, String> provoked = new TreeMap<>();
    /** The same of the other broker, where it may answer so. */
    final Map<String, String> provokedOther = new TreeMap<>();
    /** "API VERSION" of what was asked and answered. */
    final Set<String> versionsAsked = new TreeSet<>();

    Report(Deliberate deliberate) {
        this.deliberate = deliberate;
    }

    /** Where two normalized answers differ, apart from what is meant to. */
    List<String> differences(Case asked, ApiKeys api, Side.Answer expected, Side.Answer actual) {
        List<String> differences = new ArrayList<>();
        if (!String.valueOf(expected.instead()).equals(String.valueOf(actual.instead()))) {
            differences.add("answer: " + told(expected.instead()) + " | " + told(actual.instead()));
        } else {
            differences("", expected.body(), actual.body(), differences);
        }
        if (!expected.encoding().equals(actual.encoding())) {
            differences.add("encoding: " + expected.encoding() + " | " + actual.encoding());
        }
        differences.removeIf(difference -> deliberate.allows(name(api), asked.name(), difference));
        return differences;
    }

    void pair(Case asked, ApiKeys api, short version, String step, Side.Answer expected, Side.Answer actual) {
        List<String> differences = differences(asked, api, expected, actual);
        if (Side.NO_ANSWER.equals(expected.instead()) || "nothing was asked".equals(expected.instead())) {
            differences.add("answer: " + expected.instead());
        }
        if (api != null) {
            if (expected.instead() == null) {
                versionsAsked.add(api.name + " " + version);
            }
            collectErrors(provoked, api.name, asked.name(), expected.body());
        }
        if (differences.isEmpty()) {
            passed++;
            if (api != null) {
                collectErrors(provokedOther, api.name, asked.name(), actual.body());
            }
            return;
        }
        failed++;
        System.out.println("DIFFERS " + asked.name() + "\n  " + name(api) + " v" + version + ": " + step);
        differences.stream().limit(MOST_SHOWN).forEach(difference -> System.out.println("    " + difference));
        if (differences.size() > MOST_SHOWN) {
            System.out.println("    and " + (differences.size() - MOST_SHOWN) + " more");
        }
    }

    private static String name(ApiKeys api) {
        return api == null ? "raw" : api.name;
    }

    void broke(Case asked, Exception why) {
        failed++;
        System.out.println("BROKE " + asked.name() + ": " + why);
    }

    private static String told(String instead) {
        return instead == null ? "answered" : instead;
    }

    private static void differences(String path, JsonNode expected, JsonNode actual, List<String> into) {
        if (expected.equals(actual)) {
            return;
        } else if (expected.isObject() && actual.isObject()) {
            Set<String> fields = new TreeSet<>();
            expected.fieldNames().forEachRemaining(fields::add);
            actual.fieldNames().forEachRemaining(fields::add);
            fields.forEach(field -> differences(path + "/" + field, expected.path(field), actual.path(field), into));
        } else if (expected.isArray() && actual.isArray() && expected.size() == actual.size()) {
            for (int i = 0; i < expected.size(); i++) {
                differences(path + "/" + i, expected.get(i), actual.get(i), into);
            }
        } else {
            into.add(path + ": " + shown(expected) + " | " + shown(actual));
        }
    }

    private static String shown(JsonNode node) {
        return node.isMissingNode() ? "nothing" : shorten(node.toString());
    }

    private static String shorten(String text) {
        return text.length() <= LONGEST_SHOWN ? text : text.substring(0, LONGEST_SHOWN) + "…";
    }

    private static void collectErrors(Map<String, String> into, String api, String asked, JsonNode node) {
        for (Iterator<Map.Entry<String, JsonNode>> fields = node.fields(); fields.hasNext();) {
            Map.Entry<String, JsonNode> field = fields.next();
            if (field.getKey().endsWith("rrorCode") && field.getValue().asInt() != 0) {
                into.putIfAbsent(api + " " + Errors.forCode((short) field.getValue().asInt()), asked);
            }
        }
        node.forEach(inner -> collectErrors(into, api, asked, inner));
    }

    int passed() {
        return passed;
    }

    int failed() {
        return failed;
    }
}
