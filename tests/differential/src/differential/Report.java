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

    private final Deliberate deliberate;
    private int passed;
    private int failed;
    /** "API ERROR" to the first case that made Kafka answer so. */
    final Map<String, String> provoked = new TreeMap<>();
    final Set<String> versionsAsked = new TreeSet<>();

    Report(Deliberate deliberate) {
        this.deliberate = deliberate;
    }

    void pair(Case asked, ApiKeys api, short version, String step, String expectedInstead, JsonNode expected,
            String actualInstead, JsonNode actual, String expectedEncoding, String actualEncoding) {
        String name = api == null ? "raw" : api.name;
        List<String> differences = new ArrayList<>();
        if (!String.valueOf(expectedInstead).equals(String.valueOf(actualInstead))) {
            differences.add("answer: " + told(expectedInstead) + " | " + told(actualInstead));
        } else {
            differences("", expected, actual, differences);
        }
        if (!expectedEncoding.equals(actualEncoding)) {
            differences.add("encoding: " + expectedEncoding + " | " + actualEncoding);
        }
        differences.removeIf(difference -> deliberate.allows(name, asked.name(), difference));
        if (Side.NO_ANSWER.equals(expectedInstead) || "nothing was asked".equals(expectedInstead)) {
            differences.add("answer: " + expectedInstead);
        }
        if (api != null) {
            versionsAsked.add(name + " " + version);
            collectErrors(name, asked.name(), expected);
        }
        if (differences.isEmpty()) {
            passed++;
            return;
        }
        failed++;
        System.out.println("DIFFERS " + asked.name() + "\n  " + name + " v" + version + ": " + step);
        differences.stream().limit(12).forEach(difference -> System.out.println("    " + difference));
        if (differences.size() > 12) {
            System.out.println("    and " + (differences.size() - 12) + " more");
        }
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

    private void collectErrors(String api, String asked, JsonNode node) {
        for (Iterator<Map.Entry<String, JsonNode>> fields = node.fields(); fields.hasNext();) {
            Map.Entry<String, JsonNode> field = fields.next();
            if (field.getKey().endsWith("rrorCode") && field.getValue().asInt() != 0) {
                provoked.putIfAbsent(api + " " + Errors.forCode((short) field.getValue().asInt()), asked);
            }
        }
        node.forEach(inner -> collectErrors(api, asked, inner));
    }

    int passed() {
        return passed;
    }

    int failed() {
        return failed;
    }
}
