//! Stdin in lines, and lines to records.

use std::io::{self, BufRead, BufReader};

use anyhow::{Context, anyhow};
use tokio::sync::mpsc;

use crate::record::{JsonRecord, LineFormat};

/// How much of stdin is read at once, and about what one chunk holds.
const CHUNK_SIZE_BYTES: usize = 256 << 10;
/// Chunks read ahead of the sender.
const MAX_CHUNKS: usize = 4;
/// No broker takes a record of this size with any sensible configuration.
const MAX_LINE_SIZE_BYTES: usize = 256 << 20;

pub(super) type Chunk = io::Result<Vec<Vec<u8>>>;

/// A record that is not yet in any log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct NewRecord {
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// In ms since 1970; `None` is now.
    pub(super) timestamp: Option<i64>,
}

/// Reads stdin on a thread of its own, which blocks there; the channel ends with stdin.
pub(super) fn read_stdin() -> mpsc::Receiver<Chunk> {
    let (chunks, receiver) = mpsc::channel(MAX_CHUNKS);
    std::thread::spawn(move || {
        let stdin = BufReader::with_capacity(CHUNK_SIZE_BYTES, io::stdin());
        if let Err(error) = read_chunks(stdin, &chunks) {
            let _ = chunks.blocking_send(Err(error));
        }
    });
    receiver
}

/// Sends the whole lines of each read, so that a person's line goes out when it is typed.
fn read_chunks(mut input: impl BufRead, chunks: &mpsc::Sender<Chunk>) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        let buffer = input.fill_buf()?;
        let size_bytes = buffer.len();
        if size_bytes == 0 {
            let last = Some(line).filter(|line| !line.is_empty());
            let _ = chunks.blocking_send(Ok(last.into_iter().collect()));
            return Ok(());
        }
        let mut lines = Vec::new();
        for piece in buffer.split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(piece);
            if line.pop_if(|byte| *byte == b'\n').is_some() {
                line.pop_if(|byte| *byte == b'\r');
                lines.push(std::mem::take(&mut line));
            }
        }
        input.consume(size_bytes);
        if line.len() > MAX_LINE_SIZE_BYTES {
            let limit = format!("a line is longer than {MAX_LINE_SIZE_BYTES} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, limit));
        }
        if !lines.is_empty() && chunks.blocking_send(Ok(lines)).is_err() {
            return Ok(());
        }
    }
}

/// Makes records of lines, counting them for its errors.
pub(super) struct LineParser {
    format: LineFormat,
    separator: Vec<u8>,
    line_number: u64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) null_value: Option<Vec<u8>>,
    pub(super) headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl LineParser {
    /// A separator without a format means that there are keys.
    pub(super) fn new(format: Option<LineFormat>, separator: Option<String>) -> Self {
        let implied = match separator {
            Some(_) => LineFormat::KeyValue,
            None => LineFormat::Value,
        };
        Self {
            format: format.unwrap_or(implied),
            separator: separator.unwrap_or_else(|| "\t".to_owned()).into_bytes(),
            line_number: 0,
            key: None,
            null_value: None,
            headers: Vec::new(),
        }
    }

    pub(super) fn parse(&mut self, line: &[u8]) -> anyhow::Result<NewRecord> {
        self.line_number += 1;
        let mut record = match self.format {
            LineFormat::Value => self.with_value(line),
            LineFormat::KeyValue => self.parse_key_value(line)?,
            LineFormat::Json => self.parse_json(line)?,
        };
        if record.key.is_none() {
            record.key.clone_from(&self.key);
        }
        record.headers.extend(self.headers.iter().cloned());
        Ok(record)
    }

    fn with_value(&self, value: &[u8]) -> NewRecord {
        let none = self.null_value.as_deref() == Some(value);
        NewRecord {
            value: (!none).then(|| value.to_vec()),
            ..NewRecord::default()
        }
    }

    fn parse_key_value(&self, line: &[u8]) -> anyhow::Result<NewRecord> {
        let size_bytes = self.separator.len();
        let mut windows = line.windows(size_bytes);
        let at = windows
            .position(|window| window == self.separator)
            .ok_or_else(|| {
                let separator = String::from_utf8_lossy(&self.separator);
                anyhow!("line {}: no key separator {separator:?}", self.line_number)
            })?;
        let (key, rest) = line.split_at(at);
        let (_separator, value) = rest.split_at(size_bytes);
        Ok(NewRecord {
            key: Some(key.to_vec()),
            ..self.with_value(value)
        })
    }

    fn parse_json(&self, line: &[u8]) -> anyhow::Result<NewRecord> {
        let where_it_is = || format!("line {}: not a record in JSON", self.line_number);
        let json: JsonRecord = serde_json::from_slice(line).with_context(where_it_is)?;
        let bytes = |datum: Option<crate::record::Datum>| {
            let bytes = datum.map(crate::record::Datum::into_bytes).transpose();
            bytes.with_context(where_it_is)
        };
        let mut headers = Vec::new();
        for header in json.headers {
            headers.push((header.key.into_bytes(), bytes(header.value)?));
        }
        Ok(NewRecord {
            key: bytes(json.key)?,
            value: bytes(json.value)?,
            headers,
            timestamp: json.timestamp,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads two bytes at a time, so that lines arrive in pieces.
    fn lines(text: &'static str) -> Vec<Vec<u8>> {
        let (chunks, mut receiver) = mpsc::channel(MAX_CHUNKS);
        let input = BufReader::with_capacity(2, text.as_bytes());
        std::thread::spawn(move || read_chunks(input, &chunks).unwrap());
        let mut lines = Vec::new();
        while let Some(chunk) = receiver.blocking_recv() {
            lines.extend(chunk.unwrap());
        }
        lines
    }

    #[test]
    fn lines_end_with_a_newline_or_with_the_input() {
        let expected = [&b"one"[..], b"", b"three", b"four"];
        assert_eq!(lines("one\n\nthree\r\nfour\n"), expected);
        assert_eq!(lines("one\n\nthree\r\nfour"), expected);
        assert!(lines("").is_empty());
    }

    #[test]
    fn a_separator_means_keys_and_must_be_there() {
        let mut parser = LineParser::new(None, Some("::".to_owned()));
        let record = parser.parse(b"k::v::w").unwrap();
        assert_eq!(record.key.as_deref(), Some(&b"k"[..]));
        assert_eq!(record.value.as_deref(), Some(&b"v::w"[..]));
        let error = parser.parse(b"no separator").unwrap_err();
        assert_eq!(error.to_string(), "line 2: no key separator \"::\"");
    }

    #[test]
    fn a_null_value_makes_a_tombstone_and_constants_are_added() {
        let mut parser = LineParser::new(None, None);
        parser.key = Some(b"k".to_vec());
        parser.null_value = Some(b"NULL".to_vec());
        parser.headers = vec![(b"h".to_vec(), None)];
        let record = parser.parse(b"NULL").unwrap();
        assert_eq!(
            record,
            NewRecord {
                key: Some(b"k".to_vec()),
                headers: vec![(b"h".to_vec(), None)],
                ..NewRecord::default()
            }
        );
    }

    #[test]
    fn json_carries_key_value_headers_and_timestamp() {
        let mut parser = LineParser::new(Some(LineFormat::Json), None);
        let line = br#"{"topic":"t","offset":7,"timestamp":5,"key":null,
            "value":{"base64":"/w=="},"headers":[{"key":"h","value":"1"}]}"#;
        let record = parser.parse(line).unwrap();
        assert_eq!(record.value.as_deref(), Some(&b"\xff"[..]));
        assert_eq!(record.headers, [(b"h".to_vec(), Some(b"1".to_vec()))]);
        assert_eq!((record.key, record.timestamp), (None, Some(5)));
        assert!(parser.parse(b"{").is_err());
        assert!(parser.parse(br#"{"key":"k","valeu":"v"}"#).is_err());
    }
}
