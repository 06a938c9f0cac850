//! Writes an answer: encoded bytes gathered into few writes, file ranges by sendfile.
//!
//! Invariant: the only place that opens a [`Payload`]; bytes of a file range never pass through user space unless they
//! are fewer than it costs to send them apart.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustix::fs::sendfile;
use rustix::net::SendFlags;
use rustix::net::sockopt::set_tcp_cork;
use store::Payload;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::warm;
use crate::limits::{GATHER_BYTES, SEND_RECHECK, SEND_TURN_BYTES, SENDFILE_FROM_BYTES};

/// An encoded answer with its size prefix, in the order in which it goes out.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    chunks: VecDeque<Payload>,
    size_bytes: usize,
}

impl From<Bytes> for Reply {
    fn from(bytes: Bytes) -> Self {
        Self {
            size_bytes: bytes.len(),
            chunks: VecDeque::from([Payload::Bytes(bytes)]),
        }
    }
}

impl From<BytesMut> for Reply {
    fn from(bytes: BytesMut) -> Self {
        bytes.freeze().into()
    }
}

impl FromIterator<Payload> for Reply {
    fn from_iter<I: IntoIterator<Item = Payload>>(chunks: I) -> Self {
        let chunks: VecDeque<_> = chunks.into_iter().collect();
        Self {
            size_bytes: chunks.iter().map(Payload::len).sum(),
            chunks,
        }
    }
}

impl Reply {
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Has `later` go out behind this one.
    pub(crate) fn append(&mut self, mut later: Self) {
        if self.is_empty() {
            *self = later;
        } else {
            self.chunks.append(&mut later.chunks);
            self.size_bytes += later.size_bytes;
        }
    }

    /// Writes all of it, or fails when the peer takes nothing for `idle`.
    pub(crate) async fn write_to(mut self, stream: &TcpStream, idle: Duration) -> io::Result<()> {
        let sink = Sink {
            stream,
            idle,
            corks: self.size_bytes >= SENDFILE_FROM_BYTES as usize,
        };
        sink.cork(true)?;
        let mut turn_bytes = 0;
        while let Some(chunk) = self.chunks.pop_front() {
            turn_bytes += match chunk {
                Payload::File {
                    file,
                    position,
                    len,
                } if len >= SENDFILE_FROM_BYTES => sink.send_file(&file, position, len).await?,
                small => {
                    let gathered = self.gather(small, &sink).await?;
                    sink.write_all(&gathered).await?
                }
            };
            if turn_bytes >= SEND_TURN_BYTES {
                turn_bytes = 0;
                tokio::task::yield_now().await;
            }
        }
        sink.cork(false)
    }

    /// Joins `first` with the small chunks behind it. A lone chunk of bytes is passed on as it is.
    async fn gather(&mut self, first: Payload, sink: &Sink<'_>) -> io::Result<Bytes> {
        if let Payload::Bytes(bytes) = &first
            && self.chunks.front().is_none_or(|next| !is_small(next))
        {
            return Ok(bytes.clone());
        }
        let mut gathered = BytesMut::new();
        append(&mut gathered, first, sink).await?;
        while gathered.len() < GATHER_BYTES
            && let Some(next) = self.chunks.pop_front_if(|next| is_small(next))
        {
            append(&mut gathered, next, sink).await?;
        }
        Ok(gathered.freeze())
    }
}

fn is_small(chunk: &Payload) -> bool {
    match chunk {
        Payload::File { len, .. } => *len < SENDFILE_FROM_BYTES,
        Payload::Bytes(bytes) => bytes.len() < GATHER_BYTES,
    }
}

async fn append(gathered: &mut BytesMut, chunk: Payload, sink: &Sink<'_>) -> io::Result<()> {
    match chunk {
        Payload::Bytes(bytes) => gathered.extend_from_slice(&bytes),
        Payload::File {
            file,
            position,
            len,
        } => {
            sink.warm(&file, position, position + u64::from(len))
                .await?;
            let start = gathered.len();
            gathered.resize(start + len as usize, 0);
            let (_, room) = gathered.split_at_mut(start);
            file.read_exact_at(room, position)?;
        }
    }
    Ok(())
}

/// The socket, for as long as one write lasts.
struct Sink<'a> {
    stream: &'a TcpStream,
    idle: Duration,
    /// Whether what belongs together, the framing with the records before and behind it, is held back until a packet is full.
    corks: bool,
}

impl Sink<'_> {
    fn cork(&self, on: bool) -> io::Result<()> {
        if self.corks {
            set_tcp_cork(self.stream, on)?;
        }
        Ok(())
    }

    /// Has the range in memory. What is in the socket already does not wait for the disk.
    async fn warm(&self, file: &Arc<File>, from: u64, to: u64) -> io::Result<()> {
        if warm::is_hot(file, from, to) {
            return Ok(());
        }
        self.cork(false)?;
        warm::populate(file, from, to).await?;
        self.cork(true)
    }

    async fn write_all(&self, mut bytes: &[u8]) -> io::Result<usize> {
        let size = bytes.len();
        while !bytes.is_empty() {
            let write = || Ok(rustix::net::send(self.stream, bytes, SendFlags::NOSIGNAL)?);
            let written = write_some(self.stream, self.idle, write).await?;
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(size)
    }

    /// Sends the range from the page cache, a turn at a time.
    async fn send_file(&self, file: &Arc<File>, position: u64, len: u32) -> io::Result<usize> {
        let (mut offset, end) = (position, position + u64::from(len));
        while offset < end {
            let turn_end = end.min(offset + SEND_TURN_BYTES as u64);
            self.warm(file, offset, turn_end).await?;
            while offset < turn_end {
                let left = usize::try_from(turn_end - offset).unwrap_or(SEND_TURN_BYTES);
                let send = || Ok(sendfile(self.stream, file, Some(&mut offset), left)?);
                if write_some(self.stream, self.idle, send).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            if turn_end < end {
                tokio::task::yield_now().await;
            }
        }
        Ok(len as usize)
    }
}

/// Has `write` put bytes into the socket as soon as there is room, or fails when there is none for `idle`.
async fn write_some(
    stream: &TcpStream,
    idle: Duration,
    mut write: impl FnMut() -> io::Result<usize>,
) -> io::Result<usize> {
    let mut written = stream.try_io(Interest::WRITABLE, &mut write);
    if written.is_ok() {
        return written;
    }
    let deadline = Instant::now() + idle;
    while let Err(error) = &written
        && error.kind() == io::ErrorKind::WouldBlock
    {
        let recheck = deadline.min(Instant::now() + SEND_RECHECK);
        written = match timeout_at(recheck, stream.writable()).await {
            Ok(ready) => {
                ready?;
                stream.try_io(Interest::WRITABLE, &mut write)
            }
            Err(_) if recheck == deadline => Err(io::ErrorKind::TimedOut.into()),
            Err(_) => write(),
        };
    }
    written
}
