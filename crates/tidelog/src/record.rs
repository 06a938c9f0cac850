//! A record as a line of text: what `produce` reads and `consume` writes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use format::{BatchHeader, Record};
use serde::{Deserialize, Serialize};

/// What `produce` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LineFormat {
    /// The value alone.
    Value,
    /// Key, separator, value.
    KeyValue,
    /// One JSON object a line, with key, value, headers and timestamp.
    Json,
}

/// What `consume` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordFormat {
    /// The value alone.
    Value,
    /// Key, separator, value.
    KeyValue,
    /// One JSON object a line, with all that there is about the record.
    Json,
    /// The same as one YAML document a record.
    Yaml,
}

/// A record in JSON. What stands in a log beyond key, value, headers and timestamp is given when
/// reading and ignored when writing, so that one topic's output is another's input. A name that is
/// none of these is a slip: taken for nothing, it would make a tombstone of a record.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) partition: Option<i32>,
    #[serde(default)]
    pub(crate) offset: Option<i64>,
    /// In ms since 1970.
    #[serde(default)]
    pub(crate) timestamp: Option<i64>,
    #[serde(default)]
    pub(crate) key: Option<Datum>,
    #[serde(default)]
    pub(crate) value: Option<Datum>,
    #[serde(default)]
    pub(crate) headers: Vec<JsonHeader>,
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonHeader {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: Option<Datum>,
}

/// Bytes in JSON: a string where they are UTF-8, else `{"base64": "…"}`.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub(crate) enum Datum {
    Text(String),
    Binary { base64: String },
}

impl JsonRecord {
    /// A record of `batch`; the log does not say of which topic and partition it is.
    pub(crate) fn of(batch: &BatchHeader, record: &Record<'_>) -> Self {
        let headers = record.headers.map(|header| JsonHeader {
            key: String::from_utf8_lossy(header.key).into_owned(),
            value: header.value.map(Datum::of),
        });
        Self {
            topic: None,
            partition: None,
            offset: Some(record.offset(batch)),
            timestamp: Some(record.timestamp(batch)),
            key: record.key.map(Datum::of),
            value: record.value.map(Datum::of),
            headers: headers.collect(),
        }
    }
}

impl Datum {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Binary {
                base64: STANDARD.encode(bytes),
            },
        }
    }

    pub(crate) fn into_bytes(self) -> Result<Vec<u8>, base64::DecodeError> {
        match self {
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Binary { base64 } => STANDARD.decode(base64),
        }
    }
}

/// A separator as typed in a shell: `\t`, `\n`, `\0` and `\\` stand for what they do in most languages.
pub(crate) fn parse_separator(text: &str) -> Result<String, String> {
    let mut separator = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        separator.push(match letter {
            '\\' => match letters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('0') => '\0',
                Some('\\') => '\\',
                _ => return Err("after a backslash only t, n, 0 or \\ can stand".to_owned()),
            },
            letter => letter,
        });
    }
    match separator.is_empty() {
        true => Err("a separator cannot be empty".to_owned()),
        false => Ok(separator),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_json() {
        for bytes in [&b"text"[..], b"", b"\xff\x00"] {
            let json = serde_json::to_string(&Datum::of(bytes)).unwrap();
            let datum: Datum = serde_json::from_str(&json).unwrap();
            assert_eq!(datum.into_bytes().unwrap(), bytes);
        }
        let binary = serde_json::to_string(&Datum::of(b"\xff")).unwrap();
        assert_eq!(binary, r#"{"base64":"/w=="}"#);
    }

    #[test]
    fn separators_may_be_escaped() {
        assert_eq!(parse_separator(r"\t").unwrap(), "\t");
        assert_eq!(parse_separator("::").unwrap(), "::");
        assert!(parse_separator("").is_err());
        assert!(parse_separator(r"\x").is_err());
    }
}
