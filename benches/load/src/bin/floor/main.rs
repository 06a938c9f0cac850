//! The floor: a server that does what no broker can do without, and nothing else. It reads frames from the
//! socket, checks CRC-32C, writes the batches to a preallocated file, answers, and sends files back.
//! It speaks just enough of Kafka's protocol that the clients of the comparison send it the cell's own frames.
//! Nothing is validated, kept over a restart, or shared out fairly.

mod answers;
mod fetch;
mod partition;
mod produce;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, bail};
use bytes::Buf;
use clap::Parser;

use crate::partition::Partitions;

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    listen: SocketAddr,
    /// Where the files are put.
    #[arg(long)]
    dir: PathBuf,
    /// How many partitions every topic has; all topics are the same one.
    #[arg(long, default_value_t = 1)]
    partitions: usize,
    /// Preallocated, shared out among the partitions.
    #[arg(long, default_value_t = 8 << 30)]
    capacity_bytes: u64,
    /// Acknowledges what is produced without looking at it: what remains is the client's own time.
    #[arg(long)]
    discard: bool,
}

struct Floor {
    address: SocketAddr,
    partitions: Partitions,
    discard: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let listener = TcpListener::bind(arguments.listen)?;
    let floor = Arc::new(Floor {
        address: arguments.listen,
        partitions: Partitions::create(
            &arguments.dir,
            arguments.partitions,
            arguments.capacity_bytes,
        )?,
        discard: arguments.discard,
    });
    for stream in listener.incoming() {
        let (stream, floor) = (stream?, floor.clone());
        thread::spawn(move || match serve(&floor, stream) {
            Err(why) if !is_reset(&why) => eprintln!("a connection ended: {why:#}"),
            _ => {}
        });
    }
    Ok(())
}

/// A client that has what it wanted resets its connection, whatever was still on the way to it.
fn is_reset(why: &anyhow::Error) -> bool {
    let by_rustix = why
        .downcast_ref::<rustix::io::Errno>()
        .map(|why| why.kind());
    let by_std = why.downcast_ref::<std::io::Error>().map(|why| why.kind());
    matches!(
        by_rustix.or(by_std),
        Some(ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
    )
}

/// Serves one connection to its end, one request after the other.
fn serve(floor: &Floor, mut stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut size = [0; 4];
    let mut buffer = Vec::new();
    loop {
        match stream.read_exact(&mut size) {
            Err(why) if why.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        }
        let size = u32::from_be_bytes(size) as usize;
        if buffer.len() < size {
            buffer.resize(size, 0);
        }
        let frame = buffer.get_mut(..size).unwrap_or_default();
        stream.read_exact(frame)?;
        answer(floor, &mut stream, frame)?;
    }
}

fn answer(floor: &Floor, stream: &mut TcpStream, frame: &mut [u8]) -> anyhow::Result<()> {
    let mut rest: &[u8] = frame;
    let api = rest.try_get_i16()?;
    let version = rest.try_get_i16()?;
    let correlation = rest.try_get_i32()?;
    string(&mut rest)?;
    let body = frame.len() - rest.len();
    let (_, body) = frame.split_at_mut_checked(body).context("a body")?;
    match api {
        PRODUCE => {
            let answer = produce::answer(floor, correlation, body)?;
            Ok(stream.write_all(&answer)?)
        }
        FETCH => fetch::answer(floor, stream, correlation, body),
        _ => Ok(stream.write_all(&answers::answer(floor, api, version, correlation, body)?)?),
    }
}

/// A nullable string; null is empty.
fn string<'a>(rest: &mut &'a [u8]) -> anyhow::Result<&'a [u8]> {
    let length = usize::try_from(rest.try_get_i16()?).unwrap_or(0);
    let Some((string, after)) = rest.split_at_checked(length) else {
        bail!("a string ends beyond its frame");
    };
    *rest = after;
    Ok(string)
}
