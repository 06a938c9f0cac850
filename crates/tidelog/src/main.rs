//! The `tidelog` binary: one verb per file, and nothing here but the way to them.
//!
//! Exit codes: 0 when the verb did what it was asked, 1 when it could not, 2 when the command line
//! or the configuration is wrong.

mod cli;
mod cluster;
mod completions;
mod config;
mod connect;
mod consume;
mod group;
mod hint;
mod log;
mod logging;
mod outcome;
mod output;
mod produce;
mod record;
mod serve;
mod times;
mod topic;

use std::process::ExitCode;

use broker::LogLevels;
use clap::Parser;

use crate::cli::{Cli, Verb};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = logging::start(&cli.logging, cli.verb.default_log_filter())
        .and_then(|log_levels| run(cli.verb, log_levels));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => hint::report(&error),
    }
}

fn run(verb: Verb, log_levels: LogLevels) -> anyhow::Result<()> {
    match verb {
        Verb::Serve(args) => serve::run(&args, log_levels),
        Verb::Topic(args) => connect::block_on(topic::run(args)),
        Verb::Group(args) => connect::block_on(group::run(args)),
        Verb::Config(args) => connect::block_on(config::run(args)),
        Verb::Produce(args) => connect::block_on(produce::run(args)),
        Verb::Consume(args) => connect::block_on(consume::run(args)),
        Verb::Cluster(args) => connect::block_on(cluster::run(args)),
        Verb::Log(args) => log::run(args),
        Verb::Completions(args) => completions::run(&args),
    }
}
