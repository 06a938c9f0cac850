//! Cuts the incoming byte stream into request frames: a four-byte size, then that many bytes, of which the first four name
//! the API and its version.
//!
//! Invariants: reading may be abandoned at any await and resumed; no buffer exists before size and API are known, checked
//! and admitted by the budget.

use std::io;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use wire::limits::API_PREFIX_BYTES;

use super::budget::RequestBudget;
use crate::limits;

/// One whole request, without its size prefix, and its share of the budget.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) bytes: BytesMut,
    _admitted: OwnedSemaphorePermit,
}

#[derive(Debug, Error)]
pub(crate) enum FrameError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("a request of {size} bytes, where {max} are allowed")]
    Size { size: i32, max: i32 },
    #[error(transparent)]
    Refused(#[from] wire::FrameError),
    #[error("the connection ended inside a request")]
    Truncated,
    #[error("a request arrived too slowly")]
    Slow,
    #[error("the broker is shutting down")]
    ShuttingDown,
}

/// The state of reading one connection.
#[derive(Debug)]
pub(crate) struct FrameReader {
    budget: RequestBudget,
    max_request_bytes: i32,
    /// Size and API prefix of the next frame, as far as they are here.
    head: [u8; HEAD_BYTES],
    head_read: usize,
    body: Option<Body>,
}

const SIZE_BYTES: usize = size_of::<i32>();
const HEAD_BYTES: usize = SIZE_BYTES + API_PREFIX_BYTES;

#[derive(Debug)]
struct Body {
    frame: Frame,
    size: usize,
    /// When the rest must be here: a sender that trickles would hold its share of the budget for ever.
    deadline: Instant,
}

impl FrameReader {
    pub(crate) fn new(budget: RequestBudget, max_request_bytes: i32) -> Self {
        Self {
            budget,
            max_request_bytes,
            head: [0; HEAD_BYTES],
            head_read: 0,
            body: None,
        }
    }

    /// The next frame; `None` when the peer closed between two frames.
    pub(crate) async fn next(&mut self, stream: &TcpStream) -> Result<Option<Frame>, FrameError> {
        if self.body.is_none() {
            let Some((size, prefix)) = self.read_head(stream).await? else {
                return Ok(None);
            };
            let admitted = self
                .budget
                .admit(size)
                .await
                .ok_or(FrameError::ShuttingDown)?;
            let size = size as usize;
            let allowed = Duration::from_secs(limits::FRAME_BASE_SECONDS)
                + Duration::from_millis(size as u64 / limits::FRAME_MIN_BYTES_PER_MS);
            let mut bytes = BytesMut::with_capacity(size);
            bytes.put_slice(&prefix);
            let frame = Frame {
                bytes,
                _admitted: admitted,
            };
            self.body = Some(Body {
                frame,
                size,
                deadline: Instant::now() + allowed,
            });
            self.head_read = 0;
        }
        if let Some(body) = &mut self.body {
            body.fill(stream).await?;
        }
        Ok(self.body.take().map(|body| body.frame))
    }

    async fn read_head(
        &mut self,
        stream: &TcpStream,
    ) -> Result<Option<(u32, [u8; API_PREFIX_BYTES])>, FrameError> {
        while let Some(rest) = self
            .head
            .get_mut(self.head_read..)
            .filter(|rest| !rest.is_empty())
        {
            match stream.try_read(rest) {
                Ok(0) if self.head_read == 0 => return Ok(None),
                Ok(0) => return Err(FrameError::Truncated),
                Ok(read) => {
                    self.head_read += read;
                    // A wrong size is refused at once: the peer may have nothing more to send.
                    if self.head_read >= SIZE_BYTES {
                        self.size()?;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    stream.readable().await?
                }
                Err(error) => return Err(error.into()),
            }
        }
        let [_, _, _, _, prefix @ ..] = self.head;
        let size = self.size()?;
        wire::frame::admit(prefix, size as usize)?;
        Ok(Some((size, prefix)))
    }

    /// The size that the head tells, once it is here.
    fn size(&self) -> Result<u32, FrameError> {
        let [s0, s1, s2, s3, ..] = self.head;
        let size = i32::from_be_bytes([s0, s1, s2, s3]);
        let max = self.max_request_bytes;
        u32::try_from(size)
            .ok()
            .filter(|bytes| size <= max && *bytes as usize >= API_PREFIX_BYTES)
            .ok_or(FrameError::Size { size, max })
    }
}

impl Body {
    async fn fill(&mut self, stream: &TcpStream) -> Result<(), FrameError> {
        let bytes = &mut self.frame.bytes;
        while bytes.len() < self.size {
            let missing = self.size - bytes.len();
            match stream.try_read_buf(&mut (&mut *bytes).limit(missing)) {
                Ok(0) => return Err(FrameError::Truncated),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match tokio::time::timeout_at(self.deadline, stream.readable()).await {
                        Ok(ready) => ready?,
                        Err(_) => return Err(FrameError::Slow),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
