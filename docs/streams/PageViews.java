import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.WindowedSerdes;

/** Counts the views of each page in windows of 30 seconds, from "pageviews" into "page_counts". */
public class PageViews {
  static final ObjectMapper MAPPER = new ObjectMapper();
  static final Duration WINDOW = Duration.ofSeconds(30);

  static JsonNode read(String topic, byte[] bytes) {
    try {
      return bytes == null ? null : MAPPER.readTree(bytes);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  static byte[] write(String topic, JsonNode value) {
    try {
      return value == null ? null : MAPPER.writeValueAsBytes(value);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  static Topology topology() {
    Serde<JsonNode> json = Serdes.serdeFrom(PageViews::write, PageViews::read);
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream("pageviews", Consumed.with(Serdes.String(), json))
        .groupBy((key, view) -> view.get("pageid").asText(), Grouped.with(Serdes.String(), json))
        .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, Duration.ofHours(24)))
        .count()
        .toStream()
        .mapValues(count -> (JsonNode) MAPPER.createObjectNode().put("views", count))
        .to(
            "page_counts",
            Produced.with(
                WindowedSerdes.timeWindowedSerdeFrom(String.class, WINDOW.toMillis()), json));
    return builder.build();
  }

  public static void main(String[] args) {
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, "page-views");
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "localhost:9092");
    KafkaStreams streams = new KafkaStreams(topology(), config);
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }
}
