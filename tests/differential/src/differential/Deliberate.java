package differential;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The differences from Kafka that are meant, one a line: API | case | difference | reason, the first three
 * being patterns that are found in the API's name, the case's name and the difference as it is printed.
 */
final class Deliberate {
    private static final class Line {
        final Pattern api;
        final Pattern asked;
        final Pattern difference;
        final String text;
        boolean met;

        Line(String text) {
            String[] parts = text.split("\\s+\\|\\s+", 4);
            if (parts.length < 4) {
                throw new IllegalArgumentException("not API | case | difference | reason: " + text);
            }
            this.api = Pattern.compile(parts[0].strip());
            this.asked = Pattern.compile(parts[1].strip());
            this.difference = Pattern.compile(parts[2].strip());
            this.text = text;
        }
    }

    private final List<Line> lines = new ArrayList<>();

    static Deliberate none() {
        return new Deliberate();
    }

    /** Reads one file or several, named with commas between. */
    static Deliberate read(String files) throws IOException {
        Deliberate all = new Deliberate();
        for (String file : files.split(",")) {
            for (String line : Files.readAllLines(Path.of(file))) {
                if (!line.isBlank() && !line.startsWith("#")) {
                    all.lines.add(new Line(line));
                }
            }
        }
        return all;
    }

    boolean allows(String api, String asked, String difference) {
        for (Line line : lines) {
            if (line.api.matcher(api).matches() && line.asked.matcher(asked).find() && line.difference.matcher(difference).find()) {
                line.met = true;
                return true;
            }
        }
        return false;
    }

    /** Lines that excuse nothing any more, and so have to go. */
    List<String> idle() {
        return lines.stream().filter(line -> !line.met).map(line -> line.text).toList();
    }
}
