//! `tidelog produce`: lines from stdin into a topic.

mod idempotence;
mod input;
mod partitioner;
mod sender;
mod written;

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use format::Compression;

use crate::connect::ConnectArgs;
use crate::output::OutputArgs;
use crate::produce::input::LineParser;
use crate::produce::sender::{Acks, Sender, SenderOptions};
use crate::produce::written::Summary;
use crate::record::{LineFormat, parse_separator};

/// Write records, one a line, from stdin.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ProduceArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// The topic. It is created if the broker creates topics by itself.
    topic: String,
    /// What a line is [default: value, or key-value if --key-separator is given].
    #[arg(short, long, value_enum)]
    format: Option<LineFormat>,
    /// What stands between key and value [default: a tab].
    #[arg(short = 's', long, value_name = "TEXT", value_parser = parse_separator)]
    key_separator: Option<String>,
    /// The key of every record.
    #[arg(short, long, conflicts_with = "key_separator")]
    key: Option<String>,
    /// A header of every record; may be given several times.
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    /// A value that stands for none: the record becomes a tombstone.
    #[arg(long, value_name = "TEXT")]
    null_value: Option<String>,
    /// The partition [default: by the key's hash; without a key, one after the other].
    #[arg(short, long, value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// How batches are compressed.
    #[arg(short = 'z', long, value_enum, default_value_t = Codec::None)]
    compression: Codec,
    /// When a batch counts as written: never asked, by the leader, or by all replicas in sync.
    #[arg(short, long, value_enum, default_value_t = Acks::All)]
    acks: Acks,
    /// Tell the offsets of each batch on stderr.
    #[arg(short, long)]
    verbose: bool,
}

const EXAMPLES: &str = "\
Examples:
  tidelog produce orders < orders.txt
  echo 'customer-7:three apples' | tidelog produce orders --key-separator :
  tail -F app.log | tidelog produce logs --compression zstd -H host=web1
  echo '{\"key\":\"k\",\"value\":\"v\"}' | tidelog produce orders --format json
  tidelog consume orders --format json | tidelog produce orders-copy --format json";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl From<Codec> for Compression {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::None => Self::None,
            Codec::Gzip => Self::Gzip,
            Codec::Snappy => Self::Snappy,
            Codec::Lz4 => Self::Lz4,
            Codec::Zstd => Self::Zstd,
        }
    }
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) async fn run(args: ProduceArgs) -> anyhow::Result<()> {
    let options = SenderOptions {
        topic: args.topic.clone(),
        partition: args.partition,
        compression: args.compression.into(),
        acks: args.acks,
        timeout_ms: args.connect.server_timeout_ms(),
        verbose: args.verbose,
    };
    let mut parser = LineParser::new(args.format, args.key_separator);
    parser.key = args.key.map(String::into_bytes);
    parser.null_value = args.null_value.map(String::into_bytes);
    parser.headers = args
        .headers
        .into_iter()
        .map(|(name, value)| (name.into_bytes(), Some(value.into_bytes())))
        .collect();

    let topic = args.topic;
    let mut sender = Sender::open(args.connect.cluster(), options).await?;
    if std::io::stdin().is_terminal() {
        eprintln!("hint: type one record a line; Ctrl-D ends");
    }
    let outcome = send_all(&mut sender, &mut parser).await;
    // Also after a failure: what is written is written.
    let written = sender.written();
    args.output.show(&Summary {
        topic: &topic,
        written,
    })?;
    outcome
}

async fn send_all(sender: &mut Sender, parser: &mut LineParser) -> anyhow::Result<()> {
    let mut chunks = input::read_stdin();
    while let Some(chunk) = chunks.recv().await {
        let mut next = Some(chunk);
        // Whatever has arrived meanwhile goes into the same batches.
        while let Some(chunk) = next {
            for line in chunk? {
                sender.append(parser.parse(&line)?).await?;
            }
            next = chunks.try_recv().ok();
        }
        sender.flush().await?;
    }
    Ok(())
}
