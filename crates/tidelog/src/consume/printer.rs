//! Records as lines on stdout, up to a number of them.

use std::io::{self, BufWriter, Stdout, Write};

use format::{BatchHeader, Record};

use super::ConsumeArgs;
use crate::record::{JsonRecord, RecordFormat};

pub(super) struct Printer<W: Write = BufWriter<Stdout>> {
    out: W,
    topic: String,
    format: RecordFormat,
    separator: String,
    null: String,
    /// How many more may be printed.
    left: u64,
}

impl Printer {
    pub(super) fn new(args: &ConsumeArgs) -> Self {
        let implied = match args.key_separator {
            Some(_) => RecordFormat::KeyValue,
            None => RecordFormat::Value,
        };
        Self {
            out: BufWriter::with_capacity(64 << 10, io::stdout()),
            topic: args.topic.clone(),
            format: args.format.unwrap_or(implied),
            separator: args
                .key_separator
                .clone()
                .unwrap_or_else(|| "\t".to_owned()),
            null: args.null_value.clone(),
            left: args.max.unwrap_or(u64::MAX),
        }
    }
}

impl<W: Write> Printer<W> {
    pub(super) fn is_full(&self) -> bool {
        self.left == 0
    }

    pub(super) fn print(
        &mut self,
        partition: i32,
        batch: &BatchHeader,
        record: &Record<'_>,
    ) -> io::Result<()> {
        self.left = self.left.saturating_sub(1);
        match self.format {
            RecordFormat::Value => self.write_datum(record.value)?,
            RecordFormat::KeyValue => {
                self.write_datum(record.key)?;
                self.out.write_all(self.separator.as_bytes())?;
                self.write_datum(record.value)?;
            }
            RecordFormat::Json => {
                let whole = self.whole(partition, batch, record);
                serde_json::to_writer(&mut self.out, &whole)?;
            }
            RecordFormat::Yaml => {
                let yaml = serde_yaml_ng::to_string(&self.whole(partition, batch, record));
                let yaml = yaml.map_err(io::Error::other)?;
                return write!(self.out, "---\n{yaml}");
            }
        }
        self.out.write_all(b"\n")
    }

    fn whole(&self, partition: i32, batch: &BatchHeader, record: &Record<'_>) -> JsonRecord {
        JsonRecord {
            topic: Some(self.topic.clone()),
            partition: Some(partition),
            ..JsonRecord::of(batch, record)
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn write_datum(&mut self, datum: Option<&[u8]>) -> io::Result<()> {
        self.out.write_all(datum.unwrap_or(self.null.as_bytes()))
    }
}

#[cfg(test)]
impl Printer<Vec<u8>> {
    /// A printer that keeps what it prints.
    pub(super) fn to_memory(format: RecordFormat, max: u64) -> Self {
        Self {
            out: Vec::new(),
            topic: "t".to_owned(),
            format,
            separator: "=".to_owned(),
            null: "none".to_owned(),
            left: max,
        }
    }

    pub(super) fn printed(self) -> String {
        String::from_utf8(self.out).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use format::{BatchBuilder, Header, records};

    use super::*;

    fn printed(format: RecordFormat) -> String {
        let mut printer = Printer::to_memory(format, 2);
        let mut builder = BatchBuilder::new(7);
        let header = Header {
            key: b"h",
            value: None,
        };
        builder.append(5, Some(b"k"), Some(b"v"), &[header]);
        builder.append(6, None, None, &[]);
        let batch = builder.build().unwrap();
        let parsed = BatchHeader::parse(&batch).unwrap();
        for record in records(parsed.body_of(&batch).unwrap()) {
            assert!(!printer.is_full());
            printer.print(3, &parsed, &record.unwrap()).unwrap();
        }
        assert!(printer.is_full());
        printer.printed()
    }

    #[test]
    fn records_are_printed_as_asked() {
        assert_eq!(printed(RecordFormat::Value), "v\nnone\n");
        assert_eq!(printed(RecordFormat::KeyValue), "k=v\nnone=none\n");
        let json = r#"{"topic":"t","partition":3,"offset":7,"timestamp":5,"key":"k","value":"v","headers":[{"key":"h","value":null}]}
{"topic":"t","partition":3,"offset":8,"timestamp":6,"key":null,"value":null,"headers":[]}
"#;
        assert_eq!(printed(RecordFormat::Json), json);
        let yaml = printed(RecordFormat::Yaml);
        let documents: Vec<serde_yaml_ng::Value> = serde_yaml_ng::Deserializer::from_str(&yaml)
            .map(|document| serde::Deserialize::deserialize(document).unwrap())
            .collect();
        let jsons: Vec<serde_yaml_ng::Value> = json
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(documents, jsons);
    }
}
