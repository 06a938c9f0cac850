//! `tidelog log`: what lies in a partition's directory, read without a broker.

mod segment;

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use crate::hint::Advised;
use crate::log::segment::{BatchRow, SegmentReader, segment_files};
use crate::output::{bytes, counted};

/// Look into partition directories.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LogArgs {
    #[command(subcommand)]
    verb: LogVerb,
}

const EXAMPLES: &str = "\
Examples:
  tidelog log dump tidelog-data/orders-0";

#[derive(Debug, Subcommand)]
enum LogVerb {
    Dump(DumpArgs),
}

/// Show the batches of a partition, and check each one's checksum and the order of offsets.
///
/// It only reads, and needs no broker. Damage is told on stderr and ends with exit code 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog log dump tidelog-data/orders-0
  tidelog log dump tidelog-data/orders-0 --records
  tidelog log dump tidelog-data/orders-0/00000000000000000000.log -o json | jq .record_count")]
struct DumpArgs {
    /// Partition directories or segment files.
    #[arg(required = true, value_name = "DIR")]
    paths: Vec<PathBuf>,
    /// Also the records, in JSON.
    #[arg(short, long)]
    records: bool,
    /// Lines for people; one JSON object, or one YAML document, per batch for scripts.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Yaml,
}

pub(crate) fn run(args: LogArgs) -> anyhow::Result<()> {
    let LogVerb::Dump(args) = args.verb;
    let mut out = BufWriter::new(std::io::stdout());
    let mut damaged = 0;
    for path in &args.paths {
        let reading = || format!("cannot read {}", path.display());
        for file in segment_files(path).with_context(reading)? {
            damaged += dump_segment(&mut out, &file, &args)?;
        }
    }
    out.flush()?;
    match damaged {
        0 => Ok(()),
        _ => Err(Advised {
            what: format!("{} damaged", counted(damaged, "place")),
            advice: "a torn end is cut off when the broker starts next; what is damaged before it has to \
                     come back from a copy of the file",
        }
        .into()),
    }
}

/// Returns how many places are damaged, after telling each.
fn dump_segment(out: &mut impl Write, file: &Path, args: &DumpArgs) -> anyhow::Result<usize> {
    let reading = || format!("cannot read {}", file.display());
    let mut segment = SegmentReader::open(file, args.records).with_context(reading)?;
    let for_people = args.output == Format::Table;
    if for_people {
        writeln!(out, "{}\n{HEADINGS}", file.display())?;
    }
    let (mut batches, mut records, mut damaged) = (0, 0, 0);
    while let Some(row) = segment.next_batch().with_context(reading)? {
        match row {
            Ok(row) => {
                batches += 1;
                records += i64::from(row.record_count);
                write_row(out, &row, args.output)?;
            }
            Err(damage) => {
                out.flush()?;
                eprintln!("damaged: {}: {damage}", file.display());
                damaged += 1;
            }
        }
    }
    if for_people {
        let size = bytes(i64::try_from(segment.size_bytes())?);
        let (batches, records) = (counted(batches, "batch"), counted(records, "record"));
        writeln!(out, "{batches}, {records}, {size}\n")?;
    }
    Ok(damaged)
}

const HEADINGS: &str = "      OFFSETS                 RECORDS   POSITION       SIZE  EPOCH  CODEC   \
     LAST TIMESTAMP            PRODUCER";

fn write_row(out: &mut impl Write, row: &BatchRow, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => {
            serde_json::to_writer(&mut *out, row)?;
            writeln!(out)?;
        }
        Format::Yaml => write!(out, "---\n{}", serde_yaml_ng::to_string(row)?)?,
        Format::Table => {
            writeln!(out, "{row}")?;
            for record in row.records.iter().flatten() {
                write!(out, "      ")?;
                record.serialize(&mut serde_json::Serializer::new(&mut *out))?;
                writeln!(out)?;
            }
        }
    }
    Ok(())
}
