//! `tidelog serve`: a broker, from the command line and a file to its configuration.

use std::io::Write;
use std::path::PathBuf;

use broker::LogLevels;
use clap::Args;
use config::{BrokerConfig, ConfigError, Durability, Properties, parse_assignment};

use crate::output::counted;

/// Run a broker until it is interrupted.
///
/// Without any configuration it is a single durable node on 127.0.0.1:9092 that keeps its data in
/// ./tidelog-data. SIGTERM or Ctrl-C ends it in good order.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// A configuration file: Kafka's server.properties, or the same keys in a .toml.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to keep data (`log.dirs`).
    #[arg(short, long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where to listen (`listeners`).
    #[arg(short, long, value_name = "HOST:PORT", value_parser = parse_listen)]
    listen: Option<String>,
    /// Any setting, over the file and the options above; may be given several times.
    #[arg(short, long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  tidelog serve
  tidelog serve --listen 0.0.0.0:9092 --data-dir /var/lib/tidelog
  tidelog serve --config server.properties
  tidelog serve --set num.partitions=6 --set log.durability=page-cache";

/// `HOST:PORT` to a listener. The addresses that stand for every interface become no address, since
/// clients are then told this machine's name, and could not connect to those.
fn parse_listen(text: &str) -> Result<String, String> {
    let (host, port) = text.rsplit_once(':').ok_or("expected HOST:PORT")?;
    let port: u16 = port.parse().map_err(|_| "expected HOST:PORT")?;
    let host = match host {
        "0.0.0.0" | "[::]" | "*" => "",
        host => host,
    };
    Ok(format!("PLAINTEXT://{host}:{port}"))
}

/// The broker's configuration: a file, over it the options, over these `--set`.
fn configuration(args: &ServeArgs) -> Result<BrokerConfig, ConfigError> {
    let mut given = Properties::new();
    if let Some(dir) = &args.data_dir {
        given.insert("log.dirs".to_owned(), dir.display().to_string());
    }
    if let Some(listener) = &args.listen {
        given.insert("listeners".to_owned(), listener.clone());
    }
    for assignment in &args.set {
        let (key, value) = parse_assignment(assignment)?;
        given.insert(key, value);
    }
    BrokerConfig::load(args.config.as_deref(), given)
}

pub(crate) fn run(args: &ServeArgs, log_levels: LogLevels) -> anyhow::Result<()> {
    let config = configuration(args)?;
    let place = place(&config);
    broker::run(config, log_levels, |ready| {
        // Nobody may be listening, and the broker serves all the same.
        let _ = writeln!(std::io::stdout(), "{}\n{place}", announcement(&ready));
    })?;
    Ok(())
}

/// What a person wants to know once the broker is ready.
fn announcement(ready: &broker::Ready) -> String {
    let listeners: Vec<String> = ready.listeners.iter().map(ToString::to_string).collect();
    let told = if ready.advertised == listeners {
        String::new()
    } else {
        format!(" (clients are told {})", ready.advertised.join(", "))
    };
    format!(
        "tidelog {} is ready after {} ms\n  cluster     {} ({}, {})\n  listens on  {}{told}",
        env!("CARGO_PKG_VERSION"),
        ready.took.as_millis(),
        ready.cluster_id,
        counted(ready.topics, "topic"),
        counted(ready.partitions, "partition"),
        listeners.join(", "),
    )
}

/// Where the data are, and what an acknowledgement means there.
fn place(config: &BrokerConfig) -> String {
    let absolute = |dir: &PathBuf| std::path::absolute(dir).unwrap_or_else(|_| dir.clone());
    let dirs = config.log_dirs.iter().map(absolute);
    let dirs: Vec<String> = dirs.map(|dir| dir.display().to_string()).collect();
    let durability = match config.log.durability {
        Durability::Fsync => "acknowledges what is synced",
        Durability::PageCache => "acknowledges what the page cache has",
    };
    format!("  data in     {} ({durability})", dirs.join(", "))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        serve: ServeArgs,
    }

    fn configured(line: &[&str]) -> Result<BrokerConfig, String> {
        let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
        configuration(&line.serve).map_err(|error| error.to_string())
    }

    #[test]
    fn options_stand_over_the_file_and_set_over_both() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("server.properties");
        let text = "log.dirs=/from/file\nlisteners=PLAINTEXT://127.0.0.1:1\nnum.partitions=3\n";
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let listeners = |config: &BrokerConfig| -> Vec<String> {
            config.broker_listeners().map(ToString::to_string).collect()
        };
        let options = ["serve", "-c", file, "-d", "/from/option", "-l", "0.0.0.0:2"];
        let config = configured(&options).unwrap();
        assert_eq!(listeners(&config), ["PLAINTEXT://:2"]);
        assert!(place(&config).contains("in     /from/option ("));
        let set = ["serve", "-c", file, "-s", "log.dirs=/from/set,/and/two"];
        let config = configured(&set).unwrap();
        assert_eq!(listeners(&config), ["PLAINTEXT://127.0.0.1:1"]);
        assert!(place(&config).contains("/from/set, /and/two (acknowledges what is synced)"));
    }

    #[test]
    fn the_configuration_that_is_shipped_is_valid() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../deploy/server.properties"
        );
        let text = place(&configured(&["serve", "--config", file]).unwrap());
        assert!(text.contains("/var/lib/tidelog"), "{text}");
    }

    #[test]
    fn a_wrong_key_is_refused_with_the_nearest_right_one() {
        let error = configured(&["serve", "--set", "num.partition=3"]).unwrap_err();
        assert!(error.contains("num.partitions"), "{error}");
        assert!(configured(&["serve", "--set", "num.partitions"]).is_err());
        assert!(configured(&["serve", "--listen", "9092"]).is_err());
    }
}
