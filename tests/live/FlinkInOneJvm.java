import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.table.gateway.SqlGateway;

/** One JVM for tests: a cluster with its REST port, and the SQL gateway that submits to it. */
public class FlinkInOneJvm {
    public static void main(String[] args) throws Exception {
        String folder = System.getenv("FLINK_CONF_DIR");
        Configuration conf = GlobalConfiguration.loadConfiguration(folder);
        int slots = Integer.parseInt(System.getProperty("slots", "8"));
        MiniCluster cluster = new MiniCluster(new MiniClusterConfiguration.Builder()
            .setConfiguration(conf).setNumTaskManagers(1).setNumSlotsPerTaskManager(slots).build());
        cluster.start();
        Thread killer = new Thread(() -> killWhenTold(cluster, Path.of(folder, "kill")));
        killer.setDaemon(true);
        killer.start();
        SqlGateway.main(args);
    }

    /** A file named kill ends the TaskManager, and another one starts in its place. */
    private static void killWhenTold(MiniCluster cluster, Path told) {
        for (int number = 0; ; number++) {
            try {
                while (!Files.exists(told)) {
                    Thread.sleep(50);
                }
                cluster.terminateTaskManager(number).get();
                cluster.startTaskManager();
                Files.delete(told);
            } catch (Exception error) {
                error.printStackTrace();
                return;
            }
        }
    }
}
