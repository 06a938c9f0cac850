//! Cuts the incoming byte stream into request frames: a four-byte size, then that many bytes, of which the first four name
//! the API and its version.
//!
//! Invariants: reading may be abandoned at any await and resumed; no frame's buffer exists before its size and API are
//! known, checked and admitted by the budget. What came along with a frame's head is kept in a buffer of
//! [`READ_AHEAD_BYTES`], so that a client's pipelined small requests cost one read together; a reader between two frames
//! owns no buffer.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use wire::limits::API_PREFIX_BYTES;

use super::budget::RequestBudget;
use crate::limits::{FRAME_BASE_SECONDS, FRAME_MIN_BYTES_PER_MS, READ_AHEAD_BYTES};

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
pub(crate) struct FrameReader {
    budget: RequestBudget,
    max_request_bytes: i32,
    /// Read and not yet cut into frames; begins with a head.
    ahead: BytesMut,
    stage: Stage,
}

const SIZE_BYTES: usize = size_of::<i32>();
const HEAD_BYTES: usize = SIZE_BYTES + API_PREFIX_BYTES;

/// How far the next frame is.
enum Stage {
    Head,
    /// Waits for its share of the budget, and keeps its place in the queue when reading is abandoned.
    Admission {
        size: u32,
        share: Share,
    },
    Body(Body),
}

type Share = Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>;

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
            ahead: BytesMut::new(),
            stage: Stage::Head,
        }
    }

    /// Whether [`next`](Self::next) needs nothing more from the peer to give a frame, or to refuse it.
    pub(crate) fn holds_a_frame(&self) -> bool {
        matches!(self.stage, Stage::Head)
            && self.ahead.len() >= HEAD_BYTES
            && self
                .size()
                .is_none_or(|size| self.ahead.len() - SIZE_BYTES >= size as usize)
    }

    /// The next frame; `None` when the peer closed between two frames.
    pub(crate) async fn next(&mut self, stream: &TcpStream) -> Result<Option<Frame>, FrameError> {
        loop {
            match &mut self.stage {
                Stage::Head => {
                    let Some(size) = self.read_head(stream).await? else {
                        return Ok(None);
                    };
                    self.stage = match self.budget.try_admit(size) {
                        Some(share) => Stage::Body(self.begin_body(size, share)),
                        None => Stage::Admission {
                            size,
                            share: Box::pin(self.budget.clone().admit(size)),
                        },
                    };
                }
                Stage::Admission { size, share } => {
                    let size = *size;
                    let share = share.as_mut().await.ok_or(FrameError::ShuttingDown)?;
                    self.stage = Stage::Body(self.begin_body(size, share));
                }
                Stage::Body(body) => {
                    body.fill(stream).await?;
                    if let Stage::Body(whole) = std::mem::replace(&mut self.stage, Stage::Head) {
                        return Ok(Some(whole.frame));
                    }
                }
            }
        }
    }

    /// Reads until a head is here; its size, once it may pass.
    async fn read_head(&mut self, stream: &TcpStream) -> Result<Option<u32>, FrameError> {
        while self.ahead.len() < HEAD_BYTES {
            // A wrong size is refused at once: the peer may have nothing more to send.
            if self.ahead.len() >= SIZE_BYTES {
                self.checked_size()?;
            }
            self.ahead.reserve(READ_AHEAD_BYTES - self.ahead.len());
            match stream.try_read_buf(&mut self.ahead) {
                Ok(0) if self.ahead.is_empty() => return Ok(None),
                Ok(0) => return Err(FrameError::Truncated),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.own_no_empty_buffer();
                    stream.readable().await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let size = self.checked_size()?;
        if let Some(prefix) = self.ahead.get(SIZE_BYTES..).and_then(<[u8]>::first_chunk) {
            wire::frame::admit(*prefix, size as usize)?;
        }
        Ok(Some(size))
    }

    /// Moves what is here of the frame into a buffer of exactly its size.
    fn begin_body(&mut self, size: u32, share: OwnedSemaphorePermit) -> Body {
        let size = size as usize;
        let allowed = Duration::from_secs(FRAME_BASE_SECONDS)
            + Duration::from_millis(size as u64 / FRAME_MIN_BYTES_PER_MS);
        let mut bytes = BytesMut::with_capacity(size);
        self.ahead.advance(SIZE_BYTES);
        let here = size.min(self.ahead.len());
        bytes.put((&mut self.ahead).take(here));
        self.own_no_empty_buffer();
        let frame = Frame {
            bytes,
            _admitted: share,
        };
        Body {
            frame,
            size,
            deadline: Instant::now() + allowed,
        }
    }

    fn own_no_empty_buffer(&mut self) {
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
    }

    fn checked_size(&self) -> Result<u32, FrameError> {
        self.size().ok_or_else(|| FrameError::Size {
            size: self
                .ahead
                .first_chunk()
                .map_or(0, |size| i32::from_be_bytes(*size)),
            max: self.max_request_bytes,
        })
    }

    /// The size that the head tells, if it is an allowed one.
    fn size(&self) -> Option<u32> {
        let size = i32::from_be_bytes(*self.ahead.first_chunk()?);
        u32::try_from(size)
            .ok()
            .filter(|bytes| size <= self.max_request_bytes && *bytes as usize >= API_PREFIX_BYTES)
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
