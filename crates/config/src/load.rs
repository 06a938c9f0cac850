//! From a file and the command line to properties.

use std::path::Path;

use crate::broker_config::ConfigError;
use crate::properties::{Properties, parse_properties, parse_toml};

/// Reads a configuration file: TOML if its name ends in `.toml`, else Java's properties.
pub fn read_file(path: &Path) -> Result<Properties, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let is_toml = path
        .extension()
        .is_some_and(|extension| extension == "toml");
    let parsed = if is_toml {
        parse_toml(&text)
    } else {
        parse_properties(&text)
    };
    parsed.map_err(|source| ConfigError::Syntax {
        path: path.to_owned(),
        source,
    })
}

/// Splits `key=value` as it is given on a command line.
pub fn parse_assignment(text: &str) -> Result<(String, String), ConfigError> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(ConfigError::NotAnAssignment(text.to_owned())),
    }
}
