package differential;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.NullNode;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;

/** One of the two brokers: its named connections, the requests in flight on them, and what a case remembers. */
final class Side implements AutoCloseable {
    private static final int ANSWER_TIMEOUT_MS = 10_000;
    static final String NO_ANSWER = "no answer in " + ANSWER_TIMEOUT_MS + " ms";
    static final int RAW_CORRELATION_ID = 7;
    static final String CLIENT_ID = "differential";

    /** What came back: the decoded body, or a word for what happened instead. */
    record Answer(JsonNode body, String instead, String encoding) {
        static Answer of(JsonNode body, String encoding) {
            return new Answer(body, null, encoding);
        }

        static Answer instead(String word) {
            return new Answer(NullNode.instance, word, "");
        }
    }

    private record Sent(ApiKeys api, short version, int correlationId) {}

    private static final class Connection {
        final Socket socket;
        final DataInputStream in;
        final DataOutputStream out;
        final ArrayDeque<Sent> inFlight = new ArrayDeque<>();

        Connection(String host, int port) throws IOException {
            socket = new Socket(host, port);
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(ANSWER_TIMEOUT_MS);
            in = new DataInputStream(socket.getInputStream());
            out = new DataOutputStream(socket.getOutputStream());
        }
    }

    final String name;
    final String host;
    final int port;
    final Map<String, String> variables = new HashMap<>();
    final Names names = new Names(this);
    private final Map<String, Connection> connections = new HashMap<>();
    private int correlationId;

    Side(String name, String bootstrap) {
        this.name = name;
        this.host = bootstrap.split(":")[0];
        this.port = Integer.parseInt(bootstrap.split(":")[1]);
    }

    Answer ask(String connection, ApiKeys api, short version, ApiMessage body) throws Exception {
        send(connection, api, version, body);
        return receive(connection);
    }

    void send(String connection, ApiKeys api, short version, ApiMessage body) throws Exception {
        var header = new RequestHeaderData().setRequestApiKey(api.id).setRequestApiVersion(version)
                .setClientId(CLIENT_ID).setCorrelationId(++correlationId);
        ByteBuffer head = MessageUtil.toByteBufferAccessor(header, api.requestHeaderVersion(version)).buffer();
        ByteBuffer tail = MessageUtil.toByteBufferAccessor(body, version).buffer();
        ByteBuffer frame = ByteBuffer.allocate(4 + head.remaining() + tail.remaining());
        frame.putInt(head.remaining() + tail.remaining()).put(head).put(tail);
        write(connection, frame.array());
        if (connections.containsKey(connection)) {
            connections.get(connection).inFlight.add(new Sent(api, version, correlationId));
        }
    }

    /** Sends bytes as they are; an answer is decoded as version 0 of the API, or told by its bytes if none is named. */
    Answer askRaw(String connection, byte[] bytes, ApiKeys decodedAs) throws Exception {
        write(connection, bytes);
        try {
            byte[] frame = readFrame(connections.get(connection));
            return decodedAs == null ? Answer.instead("answered " + HexFormat.of().formatHex(frame))
                    : decode(new Sent(decodedAs, (short) 0, RAW_CORRELATION_ID), frame);
        } catch (EOFException | SocketException | NullPointerException closed) {
            return Answer.instead("closed");
        } catch (SocketTimeoutException silent) {
            return Answer.instead(NO_ANSWER);
        } finally {
            close(connection);
        }
    }

    private void write(String name, byte[] bytes) throws IOException {
        if (!connections.containsKey(name)) {
            connections.put(name, new Connection(host, port));
        }
        Connection connection = connections.get(name);
        try {
            connection.out.write(bytes);
            connection.out.flush();
        } catch (SocketException closed) {
            // What the broker had to say before it closed is read by receive().
        }
    }

    Answer receive(String name) throws Exception {
        Connection connection = connections.get(name);
        if (connection == null || connection.inFlight.isEmpty()) {
            return Answer.instead("nothing was asked");
        }
        Sent sent = connection.inFlight.remove();
        try {
            return decode(sent, readFrame(connection));
        } catch (EOFException | SocketException closed) {
            close(name);
            return Answer.instead("closed");
        } catch (SocketTimeoutException silent) {
            close(name);
            return Answer.instead(NO_ANSWER);
        }
    }

    /** Forgets a request that gets no answer (acks=0). */
    void expectNothing(String name) {
        if (connections.containsKey(name)) {
            connections.get(name).inFlight.pollLast();
        }
    }

    private static byte[] readFrame(Connection connection) throws IOException {
        byte[] frame = new byte[connection.in.readInt()];
        connection.in.readFully(frame);
        return frame;
    }

    private Answer decode(Sent sent, byte[] frame) throws Exception {
        ByteBuffer buffer = ByteBuffer.wrap(frame);
        short headerVersion = sent.api().responseHeaderVersion(sent.version());
        var header = new ResponseHeaderData(new ByteBufferAccessor(buffer), headerVersion);
        if (header.correlationId() != sent.correlationId()) {
            return Answer.instead("correlation id " + header.correlationId() + " for " + sent.correlationId());
        }
        short version = sent.version();
        if (sent.api() == ApiKeys.API_VERSIONS && !sent.api().isVersionSupported(version)) {
            version = 0;
        }
        int bodyAt = buffer.position();
        ApiMessage body = sent.api().messageType.newResponse();
        body.read(new ByteBufferAccessor(buffer), version);
        return Answer.of(toJson(sent.api(), body, version), encoding(body, version, frame, bodyAt, buffer.remaining()));
    }

    /** Whether the answer is encoded as Kafka's own classes encode it: nothing after it, no defaults in tags. */
    private static String encoding(ApiMessage body, short version, byte[] frame, int bodyAt, int left) {
        if (left > 0) {
            return left + " bytes after the body";
        }
        int size = body.size(new org.apache.kafka.common.protocol.ObjectSerializationCache(), version);
        return size == frame.length - bodyAt ? "" : "body of " + (frame.length - bodyAt) + " bytes where Kafka writes " + size;
    }

    private static JsonNode toJson(ApiKeys api, ApiMessage body, short version) throws Exception {
        if (body instanceof org.apache.kafka.common.message.FetchResponseData fetch) {
            return FetchedRecords.toJson(fetch, version);
        }
        Class<?> converter = Class.forName(body.getClass().getName() + "JsonConverter");
        return (JsonNode) converter.getMethod("write", body.getClass(), short.class).invoke(null, body, version);
    }

    Answer normalized(ApiKeys api, Answer answer) throws Exception {
        return new Answer(names.normalize(api, answer.body()), answer.instead(), answer.encoding());
    }

    void close(String name) throws IOException {
        Connection connection = connections.remove(name);
        if (connection != null) {
            connection.socket.close();
        }
    }

    /** Between two cases: no connection and no variable survives. */
    void forget() throws IOException {
        for (String name : connections.keySet().toArray(new String[0])) {
            close(name);
        }
        variables.clear();
        names.forget();
    }

    @Override
    public void close() throws IOException {
        forget();
    }

    static final ObjectMapper JSON = new ObjectMapper()
            .configure(com.fasterxml.jackson.core.JsonParser.Feature.ALLOW_UNQUOTED_FIELD_NAMES, true)
            .configure(com.fasterxml.jackson.core.JsonParser.Feature.ALLOW_SINGLE_QUOTES, true);
}
