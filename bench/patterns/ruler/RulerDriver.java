import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import software.amazon.event.ruler.Machine;
import software.amazon.event.ruler.JsonRuleCompiler;
import software.amazon.event.ruler.Patterns;

/**
 * Measures event-ruler on the sets of the pattern bench.
 *
 * <p>One command a line on standard input: {@code load <rules file> <events file>} builds the machine and warms it up,
 * {@code run <milliseconds>} matches the events in turn for that long. Each answers one line.
 * A rules file has one rule a line: id, tab, pattern. Both sides of the bench start from the UTF-8 bytes of an event, as they
 * come off the wire.
 */
public final class RulerDriver {
  private static Machine machine;
  private static byte[][] events;

  public static void main(String[] arguments) throws Exception {
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      String[] words = line.split(" ");
      if (words[0].equals("load")) {
        long begin = System.nanoTime();
        machine = new Machine();
        for (String rule : Files.readAllLines(Path.of(words[1]))) {
          int tab = rule.indexOf('\t');
          for (Map<String, List<Patterns>> branch : JsonRuleCompiler.compile(rule.substring(tab + 1))) {
            machine.addPatternRule(rule.substring(0, tab), branch);
          }
        }
        double compileSeconds = (System.nanoTime() - begin) / 1e9;
        List<String> lines = Files.readAllLines(Path.of(words[2]));
        events = new byte[lines.size()][];
        for (int index = 0; index < events.length; index++) {
          events[index] = lines.get(index).getBytes(StandardCharsets.UTF_8);
        }
        long matched = 0;
        for (byte[] event : events) {
          matched += machine.rulesForJSONEvent(new String(event, StandardCharsets.UTF_8)).size();
        }
        run(Long.parseLong(words[3]));
        System.out.println(matched + " " + compileSeconds);
      } else {
        System.out.println(run(Long.parseLong(words[1])));
      }
      System.out.flush();
    }
  }

  /** Gives events per second of processor time of the matching thread; the collector's is not counted. */
  private static double run(long milliseconds) throws Exception {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long begin = threads.getCurrentThreadCpuTime();
    long end = System.nanoTime() + milliseconds * 1_000_000L;
    long count = 0;
    int next = 0;
    while (System.nanoTime() < end) {
      for (int step = 0; step < 64; step++) {
        machine.rulesForJSONEvent(new String(events[next], StandardCharsets.UTF_8));
        next = next + 1 == events.length ? 0 : next + 1;
      }
      count += 64;
    }
    return count / ((threads.getCurrentThreadCpuTime() - begin) / 1e9);
  }
}
