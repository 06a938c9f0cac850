package tools;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Kafka's command-line tools one after the other in this one process, as a script says, and prints for
 * each its command, exit code, standard output and standard error. Arguments: SCRIPT NAME=VALUE..., where
 * $NAME in the script becomes VALUE.
 */
public final class ToolsRunner {
    private static final Map<String, String> TOOLS = Map.ofEntries(
            Map.entry("kafka-broker-api-versions", "BrokerApiVersionsCommand"),
            Map.entry("kafka-cluster", "ClusterTool"),
            Map.entry("kafka-configs", "kafka.admin.ConfigCommand"),
            Map.entry("kafka-console-consumer", "consumer.ConsoleConsumer"),
            Map.entry("kafka-console-producer", "ConsoleProducer"),
            Map.entry("kafka-consumer-groups", "consumer.group.ConsumerGroupCommand"),
            Map.entry("kafka-consumer-perf-test", "ConsumerPerformance"),
            Map.entry("kafka-delete-records", "DeleteRecordsCommand"),
            Map.entry("kafka-dump-log", "DumpLogSegments"),
            Map.entry("kafka-e2e-latency", "EndToEndLatency"),
            Map.entry("kafka-features", "FeatureCommand"),
            Map.entry("kafka-get-offsets", "GetOffsetShell"),
            Map.entry("kafka-groups", "GroupsCommand"),
            Map.entry("kafka-leader-election", "LeaderElectionCommand"),
            Map.entry("kafka-log-dirs", "LogDirsCommand"),
            Map.entry("kafka-metadata-quorum", "MetadataQuorumCommand"),
            Map.entry("kafka-producer-perf-test", "ProducerPerformance"),
            Map.entry("kafka-reassign-partitions", "reassign.ReassignPartitionsCommand"),
            Map.entry("kafka-topics", "TopicCommand"),
            Map.entry("kafka-transactions", "TransactionsCommand"),
            Map.entry("kafka-verifiable-consumer", "VerifiableConsumer"),
            Map.entry("kafka-verifiable-producer", "VerifiableProducer"));

    private static final class Exited extends RuntimeException {
        Exited(int code) {
            super("exit " + code, null, false, false);
        }
    }

    private static final PrintStream REPORT = new PrintStream(new FileOutputStream(FileDescriptor.out), true);
    private static final PrintStream NOWHERE = new PrintStream(OutputStream.nullOutputStream());
    private static final long TOOL_LIMIT_S = 60;
    /** For a tool that is interrupted: what it still says is not the next one's. */
    private static final long LAST_WORDS_MS = 5_000;
    /** In a line's brackets: what its output must have. */
    private static final Pattern UNTIL = Pattern.compile("^\\[(?:[^]]* )?until=([^] ]+)");
    private static final int UNTIL_TRIES = 60;
    private static final int UNTIL_PAUSE_MS = 500;
    /** What "start" started, by the tool's name. */
    private static final Map<String, Process> BACKGROUND = new HashMap<>();
    private static volatile Integer exitCode;
    private static final List<Runnable> AT_EXIT = new CopyOnWriteArrayList<>();

    private ToolsRunner() {}

    public static void main(String[] arguments) throws Exception {
        Exit.setExitProcedure(ToolsRunner::exit);
        Exit.setHaltProcedure(ToolsRunner::exit);
        Exit.setShutdownHookAdder((name, hook) -> AT_EXIT.add(hook));
        List<String> lines = Files.readAllLines(Path.of(arguments[0]));
        for (int at = 0; at < lines.size(); at++) {
            String line = lines.get(at);
            if (line.isBlank() || line.startsWith("#") || line.startsWith("<")) {
                continue;
            }
            StringBuilder input = new StringBuilder();
            for (int next = at + 1; next < lines.size() && lines.get(next).startsWith("<"); next++) {
                input.append(lines.get(next).replaceFirst("< ?", "")).append('\n');
            }
            REPORT.println("#### " + line);
            Matcher until = UNTIL.matcher(line);
            run(substitute(line.replaceFirst("^\\[[^]]*] ", ""), arguments), substitute(input.toString(), arguments),
                    until.find() ? Pattern.compile(until.group(1)) : null);
        }
        BACKGROUND.values().forEach(Process::destroy);
        Runtime.getRuntime().halt(0);
    }

    /** Ends the tool at its first wish to exit: what it then makes of the exception is not its output any more. */
    private static void exit(int code, String message) {
        if (exitCode == null) {
            exitCode = code;
            System.setOut(NOWHERE);
            System.setErr(NOWHERE);
        }
        throw new Exited(code);
    }

    private static String substitute(String text, String[] arguments) {
        String result = text;
        for (String assignment : Arrays.copyOfRange(arguments, 1, arguments.length)) {
            String[] pair = assignment.split("=", 2);
            result = result.replace("$" + pair[0], pair[1]);
        }
        return result;
    }

    /** Runs a line, and a tool again and again until its output has the pattern. */
    private static void run(String line, String input, Pattern until) throws Exception {
        List<String> words = words(line);
        if (words.get(0).equals("sleep")) {
            Thread.sleep(Long.parseLong(words.get(1)));
        } else if (words.get(0).equals("write")) {
            Files.writeString(Path.of(words.get(1)), input);
        } else if (words.get(0).equals("start")) {
            start(words.subList(1, words.size()));
        } else if (words.get(0).equals("stop")) {
            BACKGROUND.remove(words.get(1)).destroy();
        } else {
            Ran ran = runTool(words, input);
            for (int tries = 0; until != null && tries < UNTIL_TRIES && !until.matcher(ran.out()).find(); tries++) {
                Thread.sleep(UNTIL_PAUSE_MS);
                ran = runTool(words, input);
            }
            REPORT.println("exit " + ran.end());
            ran.out().lines().forEach(text -> REPORT.println("out " + text));
            ran.err().lines().forEach(text -> REPORT.println("err " + text));
        }
    }

    /** Starts a tool as a process of its own, which goes on until "stop" and its name. */
    private static void start(List<String> words) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java", "-Xmx64M", "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"), className(words.get(0))));
        command.addAll(words.subList(1, words.size()));
        Process process = new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        BACKGROUND.put(words.get(0), process);
    }

    private static String className(String tool) {
        String name = TOOLS.get(tool);
        if (name == null) {
            throw new IllegalArgumentException("no tool " + tool);
        }
        return name.startsWith("kafka.") ? name : "org.apache.kafka.tools." + name;
    }

    private record Ran(String end, String out, String err) {}

    private static Ran runTool(List<String> words, String input) throws Exception {
        String tool = className(words.get(0));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        InputStream in = System.in;
        System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
        System.setOut(new PrintStream(out, true));
        System.setErr(new PrintStream(err, true));
        exitCode = null;
        String end = call(tool, words.subList(1, words.size()).toArray(new String[0]));
        AT_EXIT.forEach(Runnable::run);
        AT_EXIT.clear();
        System.setIn(in);
        return new Ran(end, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** Runs a tool on a thread of its own, within a limit of time, and tells how it ended. */
    private static String call(String tool, String[] arguments) throws Exception {
        FutureTask<Integer> task = new FutureTask<>(() -> {
            try {
                Class.forName(tool).getMethod("main", String[].class).invoke(null, (Object) arguments);
            } catch (InvocationTargetException thrown) {
                if (exitCode == null) {
                    System.err.println(thrown.getCause());
                    return 1;
                }
            }
            return exitCode == null ? 0 : exitCode;
        });
        Thread thread = new Thread(task, tool);
        thread.setDaemon(true);
        thread.start();
        try {
            return task.get(TOOL_LIMIT_S, TimeUnit.SECONDS).toString();
        } catch (ExecutionException failed) {
            return "with " + failed.getCause();
        } catch (TimeoutException endless) {
            System.setOut(NOWHERE);
            System.setErr(NOWHERE);
            thread.interrupt();
            thread.join(LAST_WORDS_MS);
            return "not within " + TOOL_LIMIT_S + " s";
        }
    }

    /** Splits at blanks, except within single quotes. */
    private static List<String> words(String line) {
        List<String> words = new ArrayList<>();
        boolean quoted = false;
        for (String part : line.split("'")) {
            if (quoted && !words.isEmpty()) {
                words.add(part);
            } else if (!quoted && !part.isBlank()) {
                words.addAll(Arrays.asList(part.strip().split("\\s+")));
            }
            quoted = !quoted;
        }
        return words;
    }
}
