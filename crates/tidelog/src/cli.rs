//! The command line's top: which verbs there are. Each verb's own arguments stand in its file.

use clap::{Parser, Subcommand};

use crate::logging::LoggingArgs;
use crate::{cluster, completions, config, consume, group, log, produce, serve, topic};

/// Tidelog: a broker that speaks Kafka's protocol, and a command line for it and for any Kafka.
#[derive(Debug, Parser)]
#[command(name = "tidelog", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) logging: LoggingArgs,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  tidelog serve                                  run a broker on 127.0.0.1:9092
  tidelog topic create orders --partitions 6
  echo 'hello' | tidelog produce orders
  tidelog consume orders --follow
  tidelog group list -o json

Exit codes:
  0  done
  1  it could not be done; the reason is on stderr
  2  the command line or the configuration is wrong";

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Serve(serve::ServeArgs),
    Topic(topic::TopicArgs),
    Group(group::GroupArgs),
    Config(config::ConfigArgs),
    Produce(produce::ProduceArgs),
    Consume(consume::ConsumeArgs),
    Cluster(cluster::ClusterArgs),
    Log(log::LogArgs),
    Completions(completions::CompletionsArgs),
}

impl Verb {
    /// What is logged when nobody says: a server tells what it does, a tool only what is wrong.
    pub(crate) fn default_log_filter(&self) -> &'static str {
        match self {
            Self::Serve(_) => "info",
            _ => "warn",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_help_has_an_example() {
        fn visit(command: &Command, path: &str, missing: &mut Vec<String>) {
            let help = command.get_after_help().map(ToString::to_string);
            if !help.is_some_and(|help| help.contains(&format!("Examples:\n  {path}"))) {
                missing.push(path.to_owned());
            }
            for verb in command.get_subcommands() {
                visit(verb, &format!("{path} {}", verb.get_name()), missing);
            }
        }
        let mut missing = Vec::new();
        visit(&Cli::command(), "tidelog", &mut missing);
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn a_wrong_command_line_exits_with_2() {
        let error = Cli::try_parse_from(["tidelog", "topic", "creat"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
