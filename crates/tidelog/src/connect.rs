//! The arguments with which a verb reaches a cluster, and the runtime in which it talks to it.

use std::future::Future;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use client::{Cluster, ConnectOptions};

/// What many verbs take stands under a heading of its own in their help.
pub(crate) const COMMON_OPTIONS: &str = "Common options";

#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// Where to find the cluster: some of its brokers' addresses, separated by commas.
    #[arg(
        short,
        long,
        global = true,
        env = "TIDELOG_BOOTSTRAP",
        hide_env_values = true
    )]
    #[arg(
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:9092",
        value_delimiter = ',',
        value_parser = parse_address
    )]
    #[arg(help_heading = COMMON_OPTIONS)]
    bootstrap: Vec<String>,
    /// How long to wait for one answer.
    #[arg(long, global = true, default_value_t = 30, value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    #[arg(help_heading = COMMON_OPTIONS)]
    timeout: u64,
}

impl ConnectArgs {
    pub(crate) fn cluster(&self) -> Cluster {
        let options = ConnectOptions {
            client_id: "tidelog-cli".to_owned(),
            request_timeout: Duration::from_secs(self.timeout),
            ..ConnectOptions::default()
        };
        Cluster::new(self.bootstrap.clone(), options)
    }

    /// What to put into a request's own `timeout_ms`: the broker gives up before we do.
    pub(crate) fn server_timeout_ms(&self) -> i32 {
        i32::try_from(self.timeout * 900).unwrap_or(i32::MAX)
    }
}

fn parse_address(text: &str) -> Result<String, String> {
    let parts = text.trim().rsplit_once(':');
    match parts.map(|(host, port)| (host, port.parse::<u16>())) {
        Some((host, Ok(_))) if !host.is_empty() => Ok(text.trim().to_owned()),
        _ => Err("expected HOST:PORT".to_owned()),
    }
}

/// Runs a verb to its end. Dropping the runtime does not wait for a thread that reads stdin.
pub(crate) fn block_on(verb: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let outcome = runtime.block_on(verb);
    runtime.shutdown_background();
    outcome
}
