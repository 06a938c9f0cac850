//! Where log lines go (stderr), how they look, and how many there are.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::connect::COMMON_OPTIONS;
use crate::hint::UsageError;

#[derive(Debug, Args)]
pub(crate) struct LoggingArgs {
    /// What to log to stderr: a level (error, warn, info, debug, trace), or more exactly
    /// `info,broker=debug` [default: info for `serve`, else warn].
    #[arg(long, global = true, env = "TIDELOG_LOG", hide_env_values = true)]
    #[arg(value_name = "FILTER", help_heading = COMMON_OPTIONS)]
    log: Option<String>,
    /// How log lines look.
    #[arg(
        long,
        global = true,
        env = "TIDELOG_LOG_FORMAT",
        hide_env_values = true
    )]
    #[arg(value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    #[arg(help_heading = COMMON_OPTIONS)]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

pub(crate) fn start(args: &LoggingArgs, default_filter: &str) -> anyhow::Result<()> {
    let directives = args.log.as_deref().unwrap_or(default_filter);
    let filter = EnvFilter::try_new(directives)
        .map_err(|error| UsageError(format!("--log {directives}: {error}")))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match args.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}
