//! The clients of the comparison: each verb puts one kind of load on a broker, watches the broker's process
//! meanwhile, and prints what it saw as one line of JSON.

mod consume;
mod payload;
mod process;
mod produce;
mod report;
mod topic;
mod traffic;

use clap::{Parser, Subcommand};
use serde::Serialize;

#[derive(Parser)]
#[command(about = "Puts load on a Kafka broker and says what it took.")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Creates a topic.
    Create(topic::Create),
    /// Deletes a topic.
    Delete(topic::Delete),
    /// Produces as fast as the broker takes it.
    Produce(produce::Produce),
    /// Reads a topic from its start, with every consumer reading all of it.
    Consume(consume::Consume),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().verb {
        Verb::Create(create) => create.run(),
        Verb::Delete(delete) => delete.run(),
        Verb::Produce(produce) => print(&produce.run()?),
        Verb::Consume(consume) => print(&consume.run()?),
    }
}

fn print(outcome: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(outcome)?);
    Ok(())
}
