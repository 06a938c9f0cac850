//! Where log lines go (stderr), how they look, and how many there are.

use std::io::IsTerminal;

use broker::{LogLevels, SetFilter};
use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::reload::Handle;

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

/// The Raft library tells each of its steps at info and debug. Naming it in --log overrides this.
const QUIET_LIBRARIES: &str = "openraft=warn";

/// Answers with what changes the levels later.
pub(crate) fn start(args: &LoggingArgs, default_filter: &str) -> anyhow::Result<LogLevels> {
    let asked = args.log.as_deref().unwrap_or(default_filter);
    let directives = format!("{QUIET_LIBRARIES},{asked}");
    let filter = EnvFilter::try_new(&directives)
        .map_err(|error| UsageError(format!("--log {asked}: {error}")))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let set_filter = match args.log_format {
        LogFormat::Text => {
            let lines = lines.with_filter_reloading();
            let set_filter = replace_filter(lines.reload_handle());
            lines.init();
            set_filter
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_filter_reloading();
            let set_filter = replace_filter(lines.reload_handle());
            lines.init();
            set_filter
        }
    };
    Ok(LogLevels::new(&directives, set_filter))
}

fn replace_filter<S: 'static>(handle: Handle<EnvFilter, S>) -> SetFilter {
    Box::new(move |directives| {
        let replaced = EnvFilter::try_new(directives).map(|filter| handle.reload(filter));
        if !matches!(replaced, Ok(Ok(()))) {
            tracing::error!(directives, "the log filter was not replaced");
        }
    })
}
