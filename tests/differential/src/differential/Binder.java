package differential;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.util.AbstractCollection;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.utils.ImplicitLinkedHashCollection;

/**
 * Makes a request message out of a case's text: fields left out keep their default, fields that the
 * version does not have are dropped, a field that no version has is a mistake in the case.
 */
final class Binder {
    private Binder() {}

    static ApiMessage request(ApiKeys api, short version, JsonNode body) throws Exception {
        ApiMessage message = api.messageType.newRequest();
        bind(message, body, api.messageType.requestSchemas()[version]);
        return message;
    }

    private static void bind(Object target, JsonNode body, Schema schema) throws Exception {
        Map<String, org.apache.kafka.common.protocol.types.Type> known = fields(schema);
        Iterator<Map.Entry<String, JsonNode>> given = body.fields();
        while (given.hasNext()) {
            Map.Entry<String, JsonNode> entry = given.next();
            Method setter = setter(target.getClass(), entry.getKey());
            if (!known.containsKey(entry.getKey().toLowerCase())) {
                continue;
            }
            setter.invoke(target, value(setter.getGenericParameterTypes()[0], entry.getValue(),
                    inner(known.get(entry.getKey().toLowerCase()))));
        }
    }

    private static Method setter(Class<?> type, String field) {
        String name = "set" + Character.toUpperCase(field.charAt(0)) + field.substring(1);
        for (Method method : type.getMethods()) {
            if (method.getName().equals(name) && method.getParameterCount() == 1) {
                return method;
            }
        }
        throw new IllegalArgumentException(type.getSimpleName() + " has no field " + field);
    }

    private static Object value(Type type, JsonNode node, Schema schema) throws Exception {
        if (type instanceof ParameterizedType list) {
            return elements(new ArrayList<>(), list.getActualTypeArguments()[0], node, schema);
        }
        Class<?> plain = (Class<?>) type;
        if (node.isNull() && !plain.isPrimitive()) {
            return null;
        }
        if (plain == boolean.class) {
            return node.asBoolean();
        } else if (plain == byte.class) {
            return (byte) node.asInt();
        } else if (plain == short.class) {
            return (short) node.asInt();
        } else if (plain == int.class) {
            return node.asInt();
        } else if (plain == long.class) {
            return node.asLong();
        } else if (plain == double.class) {
            return node.asDouble();
        } else if (plain == String.class) {
            return node.asText();
        } else if (plain == Uuid.class) {
            return Uuid.fromString(node.asText());
        } else if (plain == byte[].class) {
            return Batches.bytes(node);
        } else if (plain == ByteBuffer.class) {
            return ByteBuffer.wrap(Batches.bytes(node));
        } else if (plain == BaseRecords.class) {
            return Batches.records(node);
        } else if (ImplicitLinkedHashCollection.class.isAssignableFrom(plain)) {
            Type element = ((ParameterizedType) plain.getGenericSuperclass()).getActualTypeArguments()[0];
            Object collection = plain.getConstructor().newInstance();
            return elements((AbstractCollection<?>) collection, element, node, schema);
        }
        Object nested = plain.getConstructor().newInstance();
        bind(nested, node, schema);
        return nested;
    }

    @SuppressWarnings("unchecked")
    private static Object elements(Collection<?> into, Type element, JsonNode nodes, Schema schema) throws Exception {
        if (nodes.isNull()) {
            return null;
        }
        for (JsonNode node : nodes) {
            ((Collection<Object>) into).add(element == Integer.class ? (Object) node.asInt()
                    : element == Long.class ? (Object) node.asLong()
                    : element == Short.class ? (Object) (short) node.asInt()
                    : element == Byte.class ? (Object) (byte) node.asInt()
                    : value(element, node, schema));
        }
        return into;
    }

    private static Map<String, org.apache.kafka.common.protocol.types.Type> fields(Schema schema) {
        Map<String, org.apache.kafka.common.protocol.types.Type> fields = new HashMap<>();
        for (var bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields tagged) {
                for (Field field : tagged.fields().values()) {
                    fields.put(plainName(field), field.type);
                }
            } else {
                fields.put(plainName(bound.def), bound.def.type);
            }
        }
        return fields;
    }

    private static String plainName(Field field) {
        return field.name.replace("_", "").toLowerCase();
    }

    /** The schema of the structure that a field holds, if it holds any. */
    private static Schema inner(org.apache.kafka.common.protocol.types.Type type) {
        if (type instanceof Schema schema) {
            return schema;
        }
        return type.arrayElementType().map(Binder::inner).orElse(null);
    }

    static List<String> fieldNames(Schema schema) {
        return new ArrayList<>(fields(schema).keySet());
    }
}
