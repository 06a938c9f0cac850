//! Connections without load: held open, or opened and closed at a fixed rate.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::process::{Used, watching};

/// ApiVersions, version 0, correlation id 1, no client id: what every client begins with.
const API_VERSIONS: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
const THREADS: u32 = 8;

#[derive(Args)]
pub(crate) struct Connections {
    /// HOST:PORT
    address: String,
    /// The broker's process.
    #[arg(long)]
    pid: Option<u32>,
    /// How many are opened first and held.
    #[arg(long, default_value_t = 0)]
    hold: usize,
    /// How many are opened, asked one thing and closed each second.
    #[arg(long, default_value_t = 0)]
    per_second: u32,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

#[derive(Serialize)]
pub(crate) struct Held {
    held: usize,
    opened: u64,
    seconds: f64,
    broker: Used,
}

impl Connections {
    pub(crate) fn run(&self) -> anyhow::Result<Held> {
        let held: Vec<_> = (0..self.hold)
            .map(|_| self.open())
            .collect::<anyhow::Result<_>>()?;
        // For whoever waits until they are there.
        println!("held {}", held.len());
        let began = Instant::now();
        let (opened, broker) = watching(self.pid, || self.churn())?;
        Ok(Held {
            held: held.len(),
            opened,
            seconds: began.elapsed().as_secs_f64(),
            broker,
        })
    }

    fn open(&self) -> anyhow::Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.write_all(&API_VERSIONS)?;
        let mut size = [0; 4];
        stream.read_exact(&mut size)?;
        let mut answer = vec![0; u32::from_be_bytes(size) as usize];
        stream.read_exact(&mut answer)?;
        Ok(stream)
    }

    /// Opens and closes until the time is up; answers how many it were.
    fn churn(&self) -> anyhow::Result<u64> {
        let length = Duration::from_secs_f64(self.seconds);
        let Some(pause) = Duration::from_secs(1)
            .checked_mul(THREADS)
            .and_then(|all| all.checked_div(self.per_second))
        else {
            thread::sleep(length);
            return Ok(0);
        };
        let began = Instant::now();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|number| {
                    scope.spawn(move || {
                        let mut opened = 0;
                        let mut due = pause * number / THREADS;
                        while due < length {
                            thread::sleep(due.saturating_sub(began.elapsed()));
                            self.open()?;
                            opened += 1;
                            due += pause;
                        }
                        anyhow::Ok(opened)
                    })
                })
                .collect();
            let mut all = 0;
            for thread in threads {
                all += thread
                    .join()
                    .map_err(|_| anyhow::anyhow!("a thread panicked"))??;
            }
            Ok(all)
        })
    }
}
