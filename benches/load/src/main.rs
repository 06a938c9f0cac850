//! The clients of the comparison: each verb puts one kind of load on a broker, watches the broker's process
//! meanwhile, and prints what it saw as one line of JSON.

mod client;
mod connections;
mod consume;
mod disk;
mod end_to_end;
mod latency;
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
    /// Produces at a fixed rate and measures from the time at which a record should have been sent.
    Latency(latency::Latency),
    /// Sends one record at a time and waits until a consumer has it.
    EndToEnd(end_to_end::EndToEnd),
    /// Holds connections that do nothing, or opens and closes them at a fixed rate.
    Connections(connections::Connections),
    /// Writes and syncs files as a durable broker must, with no broker in between.
    Disk(disk::Disk),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().verb {
        Verb::Create(create) => create.run(),
        Verb::Delete(delete) => delete.run(),
        Verb::Produce(produce) => print(&produce.run()?),
        Verb::Consume(consume) => print(&consume.run()?),
        Verb::Latency(latency) => print(&latency.run()?),
        Verb::EndToEnd(end_to_end) => print(&end_to_end.run()?),
        Verb::Connections(connections) => print(&connections.run()?),
        Verb::Disk(disk) => print(&disk.run()?),
    }
}

fn print(outcome: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(outcome)?);
    Ok(())
}
