package differential;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A titled sequence of steps out of a .cases file. A line that starts with "= " opens a case, a line that
 * starts with a blank continues the one before it, "#" opens a comment.
 */
record Case(String file, String title, List<String> steps) {
    static List<Case> read(Path file) throws IOException {
        List<Case> cases = new ArrayList<>();
        String name = file.getFileName().toString().replace(".cases", "");
        for (String line : Files.readAllLines(file)) {
            if (line.isBlank() || line.startsWith("#")) {
                continue;
            } else if (line.startsWith("= ")) {
                cases.add(new Case(name, line.substring(2).strip(), new ArrayList<>()));
                continue;
            }
            List<String> steps = cases.get(cases.size() - 1).steps();
            if (Character.isWhitespace(line.charAt(0)) && !steps.isEmpty()) {
                steps.add(steps.remove(steps.size() - 1) + " " + line.strip());
            } else {
                steps.add(line.strip());
            }
        }
        return cases;
    }

    String name() {
        return file + ": " + title;
    }
}
