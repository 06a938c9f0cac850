//! The log levels that an operator sees and changes at runtime, as BROKER_LOGGER resources (KIP-412). They last until
//! the node stops.
//!
//! A logger is one of our crates, or `root` for everything else.

use std::collections::BTreeMap;
use std::fmt;

use parking_lot::Mutex;

const ROOT: &str = "root";

/// The crates that log; each is the `tracing` target of its lines.
const LOGGERS: &[&str] = &[
    "broker",
    "client",
    "controller",
    "coordinator",
    "quorum",
    "replica",
    "store",
    "tidelog",
    "wire",
];

/// Kafka's levels, of which FATAL is our ERROR.
const LEVELS: &[&str] = &["DEBUG", "ERROR", "FATAL", "INFO", "TRACE", "WARN"];

/// Puts a filter of the form `info,broker=debug` in force.
pub type SetFilter = Box<dyn Fn(&str) + Send + Sync>;

pub struct LogLevels {
    /// Upper case. A logger that is absent has the level of `root`, which is never absent.
    levels: Mutex<BTreeMap<&'static str, &'static str>>,
    /// Directives about what is no logger of ours; they stay in force.
    others: Vec<String>,
    set_filter: SetFilter,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LogLevelError {
    #[error("Logger {0} does not exist!")]
    UnknownLogger(String),
    #[error(
        "Cannot set the log level of {logger} to {level} as it is not a supported log level. \
         Valid log levels are {}", LEVELS.join(", ")
    )]
    UnknownLevel { logger: String, level: String },
    #[error("Removing the log level of the root logger is not allowed")]
    RootIsNeeded,
}

impl LogLevels {
    /// `filter` is what is in force now: a level, and `target=level` pairs.
    pub fn new(filter: &str, set_filter: SetFilter) -> Self {
        let mut levels = BTreeMap::from([(ROOT, "INFO")]);
        let mut others = Vec::new();
        for directive in filter.split(',') {
            let (logger, level) = directive.split_once('=').unwrap_or((ROOT, directive));
            let level = level_named(&level.trim().to_ascii_uppercase());
            match (known(logger.trim()), level) {
                (Some(logger), Some(level)) => drop(levels.insert(logger, level)),
                _ => others.push(directive.to_owned()),
            }
        }
        Self {
            levels: Mutex::new(levels),
            others,
            set_filter,
        }
    }

    /// Every logger with the level in force.
    pub(crate) fn all(&self) -> Vec<(String, &'static str)> {
        let levels = self.levels.lock();
        let root = levels.get(ROOT).copied().unwrap_or("INFO");
        let level = |logger: &&'static str| {
            (
                (*logger).to_owned(),
                levels.get(logger).copied().unwrap_or(root),
            )
        };
        [ROOT].iter().chain(LOGGERS).map(level).collect()
    }

    /// Whether [`LogLevels::set`] would succeed; no level takes the logger's own away.
    pub(crate) fn check(logger: &str, level: Option<&str>) -> Result<(), LogLevelError> {
        let unknown = || LogLevelError::UnknownLogger(logger.to_owned());
        match (known(logger).ok_or_else(unknown)?, level) {
            (ROOT, None) => Err(LogLevelError::RootIsNeeded),
            (_, Some(level)) if level_named(level).is_none() => Err(LogLevelError::UnknownLevel {
                logger: logger.to_owned(),
                level: level.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    pub(crate) fn set(&self, logger: &str, level: Option<&str>) -> Result<(), LogLevelError> {
        Self::check(logger, level)?;
        let mut levels = self.levels.lock();
        match (known(logger), level.and_then(level_named)) {
            (Some(logger), Some(level)) => drop(levels.insert(logger, level)),
            (Some(logger), None) => drop(levels.remove(logger)),
            (None, _) => {}
        }
        let directives = levels
            .iter()
            .map(|(logger, level)| directive(logger, level));
        let directives: Vec<_> = self.others.iter().cloned().chain(directives).collect();
        (self.set_filter)(&directives.join(","));
        Ok(())
    }
}

impl fmt::Debug for LogLevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLevels")
            .field("levels", &self.levels)
            .finish_non_exhaustive()
    }
}

fn known(logger: &str) -> Option<&'static str> {
    [ROOT]
        .iter()
        .chain(LOGGERS)
        .find(|known| **known == logger)
        .copied()
}

fn level_named(level: &str) -> Option<&'static str> {
    LEVELS.iter().find(|known| **known == level).copied()
}

fn directive(logger: &str, level: &str) -> String {
    let level = if level == "FATAL" {
        "error".to_owned()
    } else {
        level.to_lowercase()
    };
    if logger == ROOT {
        level
    } else {
        format!("{logger}={level}")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn levels(filter: &str) -> (LogLevels, Arc<Mutex<String>>) {
        let in_force = Arc::new(Mutex::new(String::new()));
        let seen = in_force.clone();
        (
            LogLevels::new(
                filter,
                Box::new(move |filter| *seen.lock() = filter.to_owned()),
            ),
            in_force,
        )
    }

    fn level_of(levels: &LogLevels, logger: &str) -> &'static str {
        levels
            .all()
            .into_iter()
            .find(|(name, _)| name == logger)
            .unwrap()
            .1
    }

    #[test]
    fn a_logger_without_a_level_has_roots() {
        let (levels, in_force) = levels("warn,openraft=off,broker=debug");
        assert_eq!(
            (level_of(&levels, "broker"), level_of(&levels, "store")),
            ("DEBUG", "WARN")
        );
        levels.set("store", Some("TRACE")).unwrap();
        levels.set("broker", None).unwrap();
        assert_eq!(*in_force.lock(), "openraft=off,warn,store=trace");
        levels.set(ROOT, Some("FATAL")).unwrap();
        assert_eq!(*in_force.lock(), "openraft=off,error,store=trace");
        assert_eq!(level_of(&levels, "broker"), "FATAL");
    }

    #[test]
    fn refusals_have_kafkas_words() {
        let said = |logger: &str, level: Option<&str>| {
            LogLevels::check(logger, level).unwrap_err().to_string()
        };
        assert_eq!(said("nope", Some("INFO")), "Logger nope does not exist!");
        assert_eq!(
            said(ROOT, None),
            "Removing the log level of the root logger is not allowed"
        );
        assert_eq!(
            said(ROOT, Some("info")),
            "Cannot set the log level of root to info as it is not a supported log level. \
             Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"
        );
    }
}
