// Kafka Streams itself, as the oracle of kshell's operators: TopologyTestDriver, no broker.
//
// One JSON request a line on stdin: {"topology": name, "options": {name: number or text},
// "records": [[topic, key, value, timestamp], ...]}.  One JSON answer a line on stdout: for each record
// the list of what it made, [[key, window start, window end, value, timestamp], ...].
//
// Values are text: a number or "~" for a column that is NULL (null is a record without a value);
// with a second column before it, "x|7".  Aggregates give "COUNT(*)|SUM(v)|COLLECT_LIST(v)".
// Joins give "left|right", "~" for a side without a row.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.BiConsumer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.test.TestRecord;

public class StreamsOracle {
  /** Builds a topology from topics "l" (left, or the only one) and "r" to "out". */
  interface Topology extends BiConsumer<StreamsBuilder, JsonNode> {}

  static final Map<String, Topology> TOPOLOGIES = Map.ofEntries(
      Map.entry("group_by", StreamsOracle::groupBy),
      Map.entry("time_windows", StreamsOracle::timeWindows),
      Map.entry("sessions", StreamsOracle::sessions),
      Map.entry("sliding", StreamsOracle::sliding),
      Map.entry("stream_join", StreamsOracle::streamJoin),
      Map.entry("stream_table_join", StreamsOracle::streamTableJoin),
      Map.entry("table_join", StreamsOracle::tableJoin),
      Map.entry("foreign_key_join", StreamsOracle::foreignKeyJoin),
      Map.entry("table_aggregate", StreamsOracle::tableAggregate),
      Map.entry("table_filter", StreamsOracle::tableFilter),
      Map.entry("join_aggregate", StreamsOracle::joinAggregate),
      Map.entry("three_tables", StreamsOracle::threeTables));

  public static void main(String[] args) throws Exception {
    var json = new ObjectMapper();
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var folder = Path.of(args[0]);  // for the state stores
    for (String line; (line = in.readLine()) != null; ) {
      System.out.println(json.writeValueAsString(answer(json.readTree(line), folder)));
      System.out.flush();
    }
  }

  static List<List<List<Object>>> answer(JsonNode request, Path folder) {
    var builder = new StreamsBuilder();
    TOPOLOGIES.get(request.get("topology").asText()).accept(builder, request.get("options"));
    var properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "oracle");
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "nowhere:1");
    properties.put(StreamsConfig.STATE_DIR_CONFIG, folder.toString());
    properties.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    properties.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    // Streams looks for what to emit at most once a second of the machine's clock, which stands still here.
    properties.put(
        StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_OUTER_JOIN_SPURIOUS_RESULTS_FIX, 0L);
    var answers = new ArrayList<List<List<Object>>>();
    try (var driver = new TopologyTestDriver(builder.build(), properties)) {
      var out = driver.createOutputTopic("out", new StringDeserializer(), new StringDeserializer());
      var text = new StringSerializer();
      for (var record : request.get("records")) {
        var topic = driver.createInputTopic(record.get(0).asText(), text, text);
        topic.pipeInput(new TestRecord<>(
            textOf(record.get(1)), textOf(record.get(2)), null, record.get(3).asLong()));
        var made = new ArrayList<List<Object>>();
        for (var result : out.readRecordsToList()) made.add(outcome(result));
        answers.add(made);
      }
    }
    return answers;
  }

  static String textOf(JsonNode node) {
    return node.isNull() ? null : node.asText();
  }

  static List<Object> outcome(TestRecord<String, String> record) {
    String key = record.key();
    Object start = null, end = null;
    int at = key == null ? -1 : key.indexOf('@');
    if (at >= 0) {
      String[] window = key.substring(at + 1).split("@");
      key = key.substring(0, at);
      start = Long.valueOf(window[0]);
      end = Long.valueOf(window[1]);
    }
    return Arrays.asList(key, start, end, record.value(), record.timestamp());
  }

  // Values.

  static String side(String value) {
    return value == null ? "~" : value;
  }

  static String joined(String left, String right) {
    return side(left) + "|" + side(right);
  }

  static String swapped(String right, String left) {
    return joined(left, right);
  }

  static final String NOTHING = "0|0|";

  static String add(String state, String value) {
    var parts = state.split("\\|", -1);
    long count = Long.parseLong(parts[0]) + 1, sum = Long.parseLong(parts[1]);
    if (!value.equals("~")) sum += Long.parseLong(value);
    return count + "|" + sum + "|" + (parts[2].isEmpty() ? value : parts[2] + "," + value);
  }

  static String merge(String left, String right) {
    var a = left.split("\\|", -1);
    var b = right.split("\\|", -1);
    String list = a[2].isEmpty() ? b[2] : b[2].isEmpty() ? a[2] : a[2] + "," + b[2];
    return (Long.parseLong(a[0]) + Long.parseLong(b[0]))
        + "|" + (Long.parseLong(a[1]) + Long.parseLong(b[1])) + "|" + list;
  }

  static String change(String state, String value, int sign) {
    var parts = state.split("\\|", -1);
    long sum = Long.parseLong(parts[1]);
    if (!value.equals("~")) sum += sign * Long.parseLong(value);
    return (Long.parseLong(parts[0]) + sign) + "|" + sum;
  }

  static String first(String value) {
    String part = value.split("\\|", -1)[0];
    return part.equals("~") ? null : part;
  }

  static String second(String value) {
    return value.split("\\|", -1)[1];
  }

  // Operators.

  static Duration ms(JsonNode options, String name) {
    return Duration.ofMillis(options.get(name).asLong());
  }

  static String kind(JsonNode options) {
    return options.get("kind").asText();
  }

  /** With "final" each window once, when it closes; no window that got a row is lost. */
  static <W extends Windowed<String>> KTable<W, String> emit(
      KTable<W, String> table, JsonNode options) {
    if (!options.has("final")) return table;
    @SuppressWarnings({"unchecked", "rawtypes"})
    Suppressed<? super W> closed =
        (Suppressed) Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded());
    return table.suppress(closed);
  }

  /** As ksqlDB groups: records without a value take no part. */
  static KGroupedStream<String, String> grouped(StreamsBuilder builder) {
    return builder.<String, String>stream("l").filter((k, v) -> v != null).groupByKey();
  }

  static void windowed(KTable<Windowed<String>, String> table) {
    table.toStream()
        .map((k, v) -> KeyValue.pair(k.key() + "@" + k.window().start() + "@" + k.window().end(), v))
        .to("out");
  }

  static void groupBy(StreamsBuilder builder, JsonNode options) {
    grouped(builder).aggregate(() -> NOTHING, (k, v, s) -> add(s, v)).toStream().to("out");
  }

  static void timeWindows(StreamsBuilder builder, JsonNode options) {
    windowed(emit(grouped(builder)
        .windowedBy(TimeWindows.ofSizeAndGrace(ms(options, "size"), ms(options, "grace"))
            .advanceBy(ms(options, "advance")))
        .aggregate(() -> NOTHING, (k, v, s) -> add(s, v),
            Materialized.with(Serdes.String(), Serdes.String())), options));
  }

  static void sessions(StreamsBuilder builder, JsonNode options) {
    windowed(emit(grouped(builder)
        .windowedBy(SessionWindows.ofInactivityGapAndGrace(ms(options, "gap"), ms(options, "grace")))
        .aggregate(() -> NOTHING, (k, v, s) -> add(s, v), (k, a, b) -> merge(a, b),
            Materialized.with(Serdes.String(), Serdes.String())), options));
  }

  static void sliding(StreamsBuilder builder, JsonNode options) {
    windowed(emit(grouped(builder)
        .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(ms(options, "size"), ms(options, "grace")))
        .aggregate(() -> NOTHING, (k, v, s) -> add(s, v),
            Materialized.with(Serdes.String(), Serdes.String())), options));
  }

  @SuppressWarnings("deprecation")
  static JoinWindows window(JsonNode options, String before, String after) {
    // Without GRACE ksqlDB builds the old windows, which have 24 hours and do not hold results back.
    var window = options.has("grace")
        ? JoinWindows.ofTimeDifferenceAndGrace(Duration.ZERO, ms(options, "grace"))
        : JoinWindows.of(Duration.ZERO);
    return window.before(ms(options, before)).after(ms(options, after));
  }

  static void streamJoin(StreamsBuilder builder, JsonNode options) {
    KStream<String, String> left = builder.stream("l"), right = builder.stream("r");
    var windows = window(options, "before", "after");
    ValueJoiner<String, String, String> join = StreamsOracle::joined;
    KStream<String, String> out = switch (kind(options)) {
      case "INNER" -> left.join(right, join, windows);
      case "LEFT" -> left.leftJoin(right, join, windows);
      case "FULL" -> left.outerJoin(right, join, windows);
      // There is no right join: it is a left join with its sides swapped.
      default -> right.leftJoin(left, StreamsOracle::swapped, window(options, "after", "before"));
    };
    out.to("out");
  }

  static void streamTableJoin(StreamsBuilder builder, JsonNode options) {
    KStream<String, String> left = builder.stream("l");
    KTable<String, String> right = builder.table("r");
    ValueJoiner<String, String, String> join = StreamsOracle::joined;
    (kind(options).equals("INNER") ? left.join(right, join) : left.leftJoin(right, join)).to("out");
  }

  static void tableJoin(StreamsBuilder builder, JsonNode options) {
    KTable<String, String> left = builder.table("l"), right = builder.table("r");
    KTable<String, String> out = switch (kind(options)) {
      case "INNER" -> left.join(right, StreamsOracle::joined);
      case "LEFT" -> left.leftJoin(right, StreamsOracle::joined);
      case "FULL" -> left.outerJoin(right, StreamsOracle::joined);
      default -> right.leftJoin(left, StreamsOracle::swapped);
    };
    out.toStream().to("out");
  }

  static void foreignKeyJoin(StreamsBuilder builder, JsonNode options) {
    KTable<String, String> left = builder.table("l"), right = builder.table("r");
    KTable<String, String> out = kind(options).equals("INNER")
        ? left.join(right, StreamsOracle::first, StreamsOracle::joined)
        : left.leftJoin(right, StreamsOracle::first, StreamsOracle::joined);
    out.toStream().to("out");
  }

  /** GROUP BY the first column, COUNT(*) and SUM of the second; HAVING the count above a number. */
  static void tableAggregate(StreamsBuilder builder, JsonNode options) {
    KTable<String, String> table = stored(builder);
    if (options.has("where")) table = table.filter((k, v) -> above(second(v), options.get("where")));
    Materialized<String, String, KeyValueStore<Bytes, byte[]>> store =
        Materialized.with(Serdes.String(), Serdes.String());
    KTable<String, String> out = table
        .groupBy((k, v) -> KeyValue.pair(first(v), second(v)))
        .aggregate(() -> "0|0", (k, v, s) -> change(s, v, 1), (k, v, s) -> change(s, v, -1), store);
    if (options.has("having")) out = out.filter((k, v) -> above(first(v), options.get("having")));
    out.toStream().to("out");
  }

  /** Two tables joined, their rows grouped by the left's first column: COUNT(*) and SUM of the right's. */
  static void joinAggregate(StreamsBuilder builder, JsonNode options) {
    KTable<String, String> left = builder.table("l"), right = builder.table("r");
    KTable<String, String> both = kind(options).equals("INNER")
        ? left.join(right, StreamsOracle::joined)
        : left.leftJoin(right, StreamsOracle::joined);
    both.groupBy((k, v) -> KeyValue.pair(first(v), v.split("\\|", -1)[2]))
        .aggregate(() -> "0|0", (k, v, s) -> change(s, v, 1), (k, v, s) -> change(s, v, -1),
            Materialized.with(Serdes.String(), Serdes.String()))
        .toStream().to("out");
  }

  /** (l kind r) kind m. */
  static void threeTables(StreamsBuilder builder, JsonNode options) {
    KTable<String, String> l = builder.table("l"), r = builder.table("r"), m = builder.table("m");
    KTable<String, String> out = switch (kind(options)) {
      case "INNER" -> l.join(r, StreamsOracle::joined).join(m, StreamsOracle::joined);
      case "LEFT" -> l.leftJoin(r, StreamsOracle::joined).leftJoin(m, StreamsOracle::joined);
      default -> l.join(r, StreamsOracle::joined).leftJoin(m, StreamsOracle::joined);
    };
    out.toStream().to("out");
  }

  /** A table with a store, as ksqlDB's sources have: its filters then know what they let through before. */
  static KTable<String, String> stored(StreamsBuilder builder) {
    return builder.table("l", Materialized.as("l-store"));
  }

  static boolean above(String value, JsonNode limit) {
    return !value.equals("~") && Long.parseLong(value) > limit.asLong();
  }

  static void tableFilter(StreamsBuilder builder, JsonNode options) {
    stored(builder).filter((k, v) -> above(v, options.get("where"))).toStream().to("out");
  }
}
