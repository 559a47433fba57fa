import java.nio.file.Path;
import java.util.List;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

/** A real OpenSearch node of one, on a loopback port, from the server's own jars. Arguments: port, folder. */
public class OpenSearchPeer extends Node {
  OpenSearchPeer(Environment environment) {
    super(environment, List.of(Netty4Plugin.class), false);
  }

  public static void main(String[] args) throws Exception {
    Settings settings = Settings.builder()
        .put("node.name", "peer").put("cluster.name", "peer").put("path.home", args[1])
        .put("http.port", args[0]).put("transport.port", "0").put("network.host", "127.0.0.1")
        .put("discovery.type", "single-node").put("http.type", "netty4").put("transport.type", "netty4")
        .put("cluster.routing.allocation.disk.threshold_enabled", false)
        .build();
    OpenSearchPeer node = new OpenSearchPeer(new Environment(settings, Path.of(args[1], "config")));
    node.start();
    Thread.currentThread().join();
  }
}
