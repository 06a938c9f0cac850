package differential;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Replaces what two brokers may rightly differ in by names that both share: the first cluster id seen
 * becomes "cluster#1" on either side, a topic id becomes its topic's name, a time near now becomes "now".
 * What was equal on one side stays equal, so a mixed-up id still shows. Lists of things become maps by
 * what identifies a thing, because their order means nothing.
 */
final class Names {
    private static final long NEAR_MS = 20 * 60_000;
    private static final Pattern UUID = Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    private static final Pattern ADDRESS = Pattern.compile("(127\\.0\\.0\\.1|localhost):\\d+");
    private static final Pattern DIRECTORY = Pattern.compile("/[^ ,]*tidelog-test-[^ ,/]*");
    private static final Set<String> OPAQUE = Set.of("clusterId", "directoryId", "replicaDirectoryId", "voterDirectoryId",
            "incarnationId", "producerId");
    private static final Set<String> BROKER_S_OWN = Set.of("port", "sessionId", "totalBytes", "usableBytes", "size");
    private static final Set<String> TEXTS = Set.of("errorMessage", "batchIndexErrorMessage", "documentation");
    private static final List<String> IDENTITY = List.of("apiKey", "name", "topicName", "topic", "topicId", "partitionIndex", "index",
            "partition", "partitionId", "groupId", "key", "nodeId", "brokerId", "replicaId", "resourceType", "resourceName",
            "configName", "memberId", "logDir", "feature", "producerId");
    private static final String NO_ID = Uuid.ZERO_UUID.toString();

    /** The producer ids that cases choose themselves. */
    private static final List<Long> CASES_OWN_IDS = java.util.stream.LongStream.range(4_000, 5_000).boxed().toList();
    /** What cases ask for when they mean an id that no topic has. */
    private static final String NO_TOPIC_S_ID = "AAAAAAAAAAAAAAAAAAAAaA";

    private final Side side;
    private final Map<String, String> topics = new HashMap<>();
    private final Map<String, String> seen = new HashMap<>();
    private final Map<String, Integer> counters = new HashMap<>();

    Names(Side side) {
        this.side = side;
    }

    /** Begins to count anew, so that a difference in one case does not show in the next. */
    void forget() {
        seen.clear();
        counters.clear();
    }

    JsonNode normalize(ApiKeys api, JsonNode node) throws Exception {
        return normalize(api, "", node);
    }

    private JsonNode normalize(ApiKeys api, String field, JsonNode node) throws Exception {
        if (node.isObject()) {
            learnTopic(node);
            ObjectNode result = JsonNodeFactory.instance.objectNode();
            for (Iterator<Map.Entry<String, JsonNode>> fields = node.fields(); fields.hasNext();) {
                Map.Entry<String, JsonNode> entry = fields.next();
                result.set(entry.getKey(), normalize(api, entry.getKey(), entry.getValue()));
            }
            return result;
        } else if (node.isArray()) {
            return array(api, field, node);
        } else if (node.isTextual()) {
            return TextNode.valueOf(text(field, node.asText()));
        } else if (node.isIntegralNumber()) {
            return number(api, field, node);
        }
        return node;
    }

    private JsonNode array(ApiKeys api, String field, JsonNode node) throws Exception {
        ArrayNode elements = JsonNodeFactory.instance.arrayNode();
        ObjectNode keyed = JsonNodeFactory.instance.objectNode();
        for (JsonNode raw : node) {
            JsonNode element = normalize(api, field, raw);
            elements.add(element);
            List<String> identity = IDENTITY.stream().filter(element::has).map(id -> element.get(id).asText()).toList();
            String key = String.join(" ", identity);
            String unique = key;
            for (int copy = 2; keyed.has(unique); copy++) {
                unique = key + " again " + copy;
            }
            if (!identity.isEmpty()) {
                keyed.set(unique, element);
            }
        }
        return elements.isEmpty() || keyed.size() < elements.size() ? elements : keyed;
    }

    private String text(String field, String text) throws Exception {
        if (TEXTS.contains(field)) {
            return text.isEmpty() ? "" : "a text";
        } else if (field.equals("topicId")) {
            return text.equals(NO_ID) ? "no id" : topic(text);
        } else if (OPAQUE.contains(field)) {
            return text.equals(NO_ID) || text.isEmpty() ? text : number(field, text);
        }
        String plain = ADDRESS.matcher(DIRECTORY.matcher(text).replaceAll("DIR")).replaceAll("$1:PORT");
        Matcher uuids = UUID.matcher(plain);
        return uuids.replaceAll(uuid -> number("uuid", uuid.group()));
    }

    private JsonNode number(ApiKeys api, String field, JsonNode node) {
        long value = node.asLong();
        if (Math.abs(value - System.currentTimeMillis()) < NEAR_MS) {
            return TextNode.valueOf("now");
        } else if (value >= 0 && OPAQUE.contains(field) && !CASES_OWN_IDS.contains(value)) {
            return TextNode.valueOf(number(field, Long.toString(value)));
        } else if (value > 0 && api == ApiKeys.DESCRIBE_QUORUM && Set.of("highWatermark", "logEndOffset", "leaderEpoch").contains(field)) {
            return TextNode.valueOf("some " + field);
        } else if (value > 0 && field.equals("finalizedFeaturesEpoch")) {
            return TextNode.valueOf("some epoch");
        } else if (value > 0 && BROKER_S_OWN.contains(field) && !(field.equals("size") && api == ApiKeys.FETCH)) {
            return TextNode.valueOf("some " + field);
        }
        return node;
    }

    private String number(String kind, String value) {
        return seen.computeIfAbsent(kind + value, v -> kind + "#" + counters.merge(kind, 1, Integer::sum));
    }

    private String topic(String id) throws Exception {
        if (id.equals(NO_TOPIC_S_ID)) {
            return "no topic's id";
        }
        if (!topics.containsKey(id)) {
            learnTopics();
        }
        return topics.containsKey(id) ? "the id of " + topics.get(id) : number("unknown topic id", id);
    }

    /** The id of a topic by its name, also of one that has been deleted since it was last seen. */
    String topicId(String name) throws Exception {
        learnTopics();
        return topics.entrySet().stream().filter(topic -> topic.getValue().equals(name)).map(Map.Entry::getKey)
                .findFirst().orElse(NO_ID);
    }

    private void learnTopic(JsonNode node) {
        if (node.path("name").isTextual() && node.path("topicId").isTextual() && !node.get("topicId").asText().equals(NO_ID)) {
            topics.put(node.get("topicId").asText(), node.get("name").asText());
        }
    }

    private void learnTopics() throws Exception {
        var all = new MetadataRequestData().setTopics(null).setAllowAutoTopicCreation(false);
        for (JsonNode topic : side.ask("names", ApiKeys.METADATA, (short) 12, all).body().path("topics")) {
            topics.put(topic.get("topicId").asText(), topic.get("name").asText());
        }
    }
}
