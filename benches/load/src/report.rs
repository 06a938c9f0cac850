//! What a run prints.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::process::Used;

/// Latencies of up to ten minutes, three digits exact.
pub(crate) fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 600_000_000_000, 3)?)
}

#[derive(Serialize)]
pub(crate) struct Latencies {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) max_us: f64,
    pub(crate) count: u64,
}

impl Latencies {
    /// Of a histogram of nanoseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max() as f64 / 1e3,
            count: histogram.len(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Outcome {
    pub(crate) seconds: f64,
    pub(crate) records: u64,
    pub(crate) payload_bytes: u64,
    /// Of Produce requests, or of Fetch answers; those of other requests are a few hundred bytes a client.
    pub(crate) frame_bytes: u64,
    pub(crate) requests: u64,
    pub(crate) broker: Used,
    pub(crate) client_cpu_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency: Option<Latencies>,
}
