//! Writes numbered records through librdkafka until its input ends, then tells what was acknowledged:
//! the writer of `tests/load/src/Ledger.java`, for another client.
//!
//! `rdkafka_load BOOTSTRAP TOPIC {idempotent|plain} ROWS_PER_SECOND FILE`

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const PARTITIONS: i32 = 4;
const PADDING: usize = 180;
const LIMIT: Duration = Duration::from_secs(120);

/// What was acknowledged: partition, number, offset.
#[derive(Default)]
struct Ledger {
    acknowledged: Mutex<Vec<(i32, usize, i64)>>,
    refused: AtomicU64,
}

impl ClientContext for Ledger {}

impl ProducerContext for Ledger {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        match (result, self.acknowledged.lock()) {
            (Ok(record), Ok(mut all)) => all.push((record.partition(), number, record.offset())),
            _ => {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bootstrap, topic, kind, rows_per_second, file] = arguments.as_slice() else {
        return Err("usage: BOOTSTRAP TOPIC {idempotent|plain} ROWS_PER_SECOND FILE".into());
    };
    let idempotent = kind == "idempotent";
    let producer: ThreadedProducer<Ledger> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("acks", "all")
        .set("enable.idempotence", idempotent.to_string())
        // A plain producer keeps the order only with one request at a time.
        .set("max.in.flight", if idempotent { "5" } else { "1" })
        .set("message.timeout.ms", "110000")
        .set("socket.timeout.ms", "5000")
        .set("reconnect.backoff.max.ms", "200")
        .set("queue.buffering.max.messages", "8000")
        .create_with_context(Ledger::default())?;

    let stopped = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ = std::io::stdin().read(&mut [0]);
            stopped.store(true, Ordering::Relaxed);
        });
        let rows_per_second = rows_per_second.parse()?;
        Ok::<_, Box<dyn std::error::Error>>(write_rows(&producer, topic, rows_per_second, &stopped))
    })?;
    producer.flush(LIMIT)?;
    report(producer.context(), sent, file)
}

/// Returns how many rows were sent, each one record a partition. An idempotent producer gives up for good when the broker
/// has lost what it acknowledged; that counts as a refusal.
fn write_rows(
    producer: &ThreadedProducer<Ledger>,
    topic: &str,
    rows_per_second: f64,
    stopped: &AtomicBool,
) -> usize {
    let began = Instant::now();
    let mut number = 0;
    while !stopped.load(Ordering::Relaxed) {
        let letter = char::from(b'a' + (number % 26) as u8);
        let value = format!("{number} {}", letter.to_string().repeat(PADDING));
        for partition in 0..PARTITIONS {
            let mut record = BaseRecord::<(), str, usize>::with_opaque_to(topic, number)
                .partition(partition)
                .payload(&value);
            while let Err((error, again)) = producer.send(record) {
                let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
                if error != full {
                    producer.context().refused.fetch_add(1, Ordering::Relaxed);
                    return number + 1;
                }
                std::thread::sleep(Duration::from_millis(1));
                record = again;
            }
        }
        number += 1;
        if number as f64 > began.elapsed().as_secs_f64() * rows_per_second {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    number
}

fn report(ledger: &Ledger, sent: usize, file: &str) -> Outcome {
    let mut out = BufWriter::new(File::create(file)?);
    writeln!(out, "{sent} {}", ledger.refused.load(Ordering::Relaxed))?;
    let acknowledged = ledger.acknowledged.lock().map_err(|_| "poisoned")?;
    for (partition, number, offset) in acknowledged.iter() {
        writeln!(out, "{partition} {number} {offset}")?;
    }
    Ok(out.flush()?)
}
