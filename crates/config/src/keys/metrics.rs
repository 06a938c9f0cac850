//! Metrics, telemetry and quota windows.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Classes that publish metrics.
    List "metric.reporters" = "org.apache.kafka.common.metrics.JmxReporter", low, cluster_wide;

    /// Samples over which a metric is computed.
    Int "metrics.num.samples" = 2, low, at_least(1);

    /// Milliseconds that each sample of a metric covers.
    Long "metrics.sample.window.ms" = 30_000, low, at_least(1);

    /// How detailed the recorded metrics are: `INFO`, `DEBUG` or `TRACE`.
    String "metrics.recording.level" = "INFO", low;

    /// Classes that publish the broker's own metrics.
    List "kafka.metrics.reporters" = "", low;

    /// Seconds between two polls by the broker's metrics reporters.
    Int "kafka.metrics.polling.interval.secs" = 10, low, at_least(1);

    /// Largest push of client metrics in bytes, as compressed.
    Int "telemetry.max.bytes" = 1_048_576, low, at_least(1);

    /// Class that computes client quotas.
    Class "client.quota.callback.class", low;

    /// Samples over which client quotas are measured.
    Int "quota.window.num" = 11, low, at_least(1);

    /// Seconds that each sample of a client quota covers.
    Int "quota.window.size.seconds" = 1, low, at_least(1);

    /// Samples over which replication quotas are measured.
    Int "replication.quota.window.num" = 11, low, at_least(1);

    /// Seconds that each sample of a replication quota covers.
    Int "replication.quota.window.size.seconds" = 1, low, at_least(1);

    /// Samples over which moves between log directories are measured.
    Int "alter.log.dirs.replication.quota.window.num" = 11, low, at_least(1);

    /// Seconds that each sample of moves between log directories covers.
    Int "alter.log.dirs.replication.quota.window.size.seconds" = 1, low, at_least(1);

    /// Samples over which controller mutation quotas are measured.
    Int "controller.quota.window.num" = 11, low, at_least(1);

    /// Seconds that each sample of a controller mutation quota covers.
    Int "controller.quota.window.size.seconds" = 1, low, at_least(1);
};
