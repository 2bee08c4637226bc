// Drives the two programs of docs/streams without a broker: prints what each made, one line a record.

import java.util.Properties;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.TimeWindowedDeserializer;

public class ReadmePrograms {
  static <K, V> void run(
      Topology topology, String from, String to, Deserializer<K> key, Deserializer<V> value,
      String... texts) {
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, "readme");
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
    config.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("state"));
    try (TopologyTestDriver driver = new TopologyTestDriver(topology, config)) {
      var input = driver.createInputTopic(from, new StringSerializer(), new StringSerializer());
      for (int n = 0; n < texts.length; n++) input.pipeInput("k", texts[n], n * 20_000L);
      for (var made : driver.createOutputTopic(to, key, value).readKeyValuesToList())
        System.out.println(made.key + "=" + made.value);
    }
  }

  public static void main(String[] args) {
    run(WordCount.topology(), "lines", "word_counts", new StringDeserializer(),
        new LongDeserializer(), "all streams", "Streams");
    String view = "{\"pageid\":\"Page_1\"}";
    run(PageViews.topology(), "pageviews", "page_counts",
        new TimeWindowedDeserializer<>(new StringDeserializer(), 30_000L),
        new StringDeserializer(), view, view, view);
  }
}
