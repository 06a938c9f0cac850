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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BrokerConfig;

    fn file(name: &str, text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn both_file_formats_say_the_same() {
        let (_dir, properties) = file(
            "server.properties",
            "log.retention.ms=5\nlisteners=A://h:1\n",
        );
        let (_dir2, toml) = file(
            "node.toml",
            "listeners = [\"A://h:1\"]\n[log]\nretention.ms = 5\n",
        );
        assert_eq!(read_file(&properties).unwrap(), read_file(&toml).unwrap());
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let (_dir, path) = file(
            "server.properties",
            "num.partitions=3\nlog.retention.ms=5\n",
        );
        let set = Properties::from([parse_assignment("num.partitions = 4").unwrap()]);
        let config = BrokerConfig::load(Some(&path), set).unwrap();
        assert_eq!(config.topic_creation.num_partitions, 4);
        assert_eq!(config.topic_defaults.retention_ms, 5);
    }

    #[test]
    fn faults_name_the_file_or_the_argument() {
        let missing = read_file(Path::new("/no/such/file"))
            .unwrap_err()
            .to_string();
        assert!(missing.starts_with("/no/such/file: "), "{missing}");
        let (_dir, path) = file("node.toml", "a = [");
        let broken = read_file(&path).unwrap_err().to_string();
        assert!(broken.contains("node.toml: "), "{broken}");
        let error = parse_assignment("num.partitions").unwrap_err().to_string();
        assert_eq!(error, "\"num.partitions\" is not of the form key=value");
    }
}
