//! The frame reader for the fuzzer, which has bytes and no connection.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::budget::RequestBudget;
use super::frame::{FrameError, FrameReader};

/// Little, so that large requests have to be given their memory in steps.
const BUDGET_BYTES: u64 = 64 * 1024;

/// The frames that a connection reads where `bytes` come in pieces of `piece_bytes` and then the end, and whether it ends
/// because of what came.
pub fn read_frames(
    bytes: &[u8],
    piece_bytes: usize,
    max_request_bytes: i32,
) -> io::Result<(Vec<Vec<u8>>, bool)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (stream, mut client) = pair()?;
        let send = async {
            for piece in bytes.chunks(piece_bytes) {
                // The reader may have refused what came before.
                if client.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(client);
        };
        let read = async {
            let mut reader = FrameReader::new(RequestBudget::new(BUDGET_BYTES), max_request_bytes);
            let mut frames = Vec::new();
            let is_refused = loop {
                match reader.next(&stream, |_| true).await {
                    Ok(Some(frame)) => frames.push(frame.bytes.to_vec()),
                    Ok(None) | Err(FrameError::Truncated) => break Ok(false),
                    Err(FrameError::Io(error)) => break Err(error),
                    Err(_) => {
                        let _ = reader.client_id();
                        break Ok(true);
                    }
                }
            };
            drop(stream);
            Ok((frames, is_refused?))
        };
        tokio::join!(read, send).0
    })
}

/// Two ends of a connection. It is a local one, which takes no port; reading does not know the difference.
fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let (one, other) = UnixStream::pair()?;
    let end = |socket: UnixStream| {
        socket.set_nonblocking(true)?;
        TcpStream::from_std(std::net::TcpStream::from(OwnedFd::from(socket)))
    };
    Ok((end(one)?, end(other)?))
}
