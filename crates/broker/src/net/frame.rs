//! Cuts the incoming byte stream into request frames: a four-byte size, then that many bytes, of which the first four name
//! the API and its version.
//!
//! Invariants: reading may be abandoned at any await and resumed; no frame's buffer exists before its size and API are
//! known, checked and may be begun, and none holds more than its share of the budget allows, but for a spare buffer of its thread. What came along with a frame's
//! head is kept in a buffer of [`READ_AHEAD_BYTES`], so that a client's pipelined small requests cost one read together; a
//! reader between two frames owns no buffer.

use std::borrow::Cow;
use std::io;

use bytes::{Buf, BytesMut};
use thiserror::Error;
use tokio::net::TcpStream;
use wire::ApiKey;
use wire::limits::API_PREFIX_BYTES;

use super::budget::{RequestBudget, Share};
use super::buffer::Buffer;
use super::hangup;
use crate::limits::{FIRST_STEP_BYTES, READ_AHEAD_BYTES};

/// One whole request, without its size prefix, and its share of the budget.
pub(crate) struct Frame {
    pub(crate) bytes: Buffer,
    pub(crate) share: Share,
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
    #[error("a request arrived too slowly while others waited for memory")]
    Slow,
    #[error("memory for the rest of a request was not to be had")]
    Starved,
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
    Body(Body),
}

struct Body {
    frame: Frame,
    size: usize,
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
                .is_none_or(|size| self.ahead.len() - SIZE_BYTES >= size)
    }

    /// The next frame; `None` when the peer closed between two frames. One whose first bytes `may_begin` does not let
    /// pass stays in the socket, and only the peer's closing is looked for.
    pub(crate) async fn next(
        &mut self,
        stream: &TcpStream,
        may_begin: fn(&[u8]) -> bool,
    ) -> Result<Option<Frame>, FrameError> {
        loop {
            match &mut self.stage {
                Stage::Head => {
                    let Some((api, size)) = self.read_head(stream).await? else {
                        return Ok(None);
                    };
                    if !may_begin(self.ahead.get(SIZE_BYTES..).unwrap_or_default()) {
                        hangup::of(stream).await;
                        return Ok(None);
                    }
                    self.ahead.advance(SIZE_BYTES);
                    let share = self.budget.share(api, size);
                    let bytes = Buffer::with_capacity(share.allows_bytes().min(size));
                    let frame = Frame { bytes, share };
                    self.stage = Stage::Body(Body { frame, size });
                }
                Stage::Body(body) => {
                    body.fill(&mut self.ahead, stream).await?;
                    self.own_no_empty_buffer();
                    if let Stage::Body(whole) = std::mem::replace(&mut self.stage, Stage::Head) {
                        return Ok(Some(whole.frame));
                    }
                }
            }
        }
    }

    /// The client id of the request that is being read, as far as it is here.
    pub(crate) fn client_id(&self) -> Option<String> {
        let frame = match &self.stage {
            Stage::Head => self.ahead.get(SIZE_BYTES..)?,
            Stage::Body(body) => &body.frame.bytes,
        };
        wire::frame::peek_client_id(frame).map(Cow::into_owned)
    }

    /// Returns when half a frame, which nobody reads on with at present, keeps others waiting.
    pub(crate) async fn overdue(&mut self) {
        match &mut self.stage {
            Stage::Head => std::future::pending().await,
            Stage::Body(body) => body.frame.share.overdue().await,
        }
    }

    /// Reads until a head is here; what it tells, if that may pass.
    async fn read_head(
        &mut self,
        stream: &TcpStream,
    ) -> Result<Option<(ApiKey, usize)>, FrameError> {
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
        let prefix = self.ahead.get(SIZE_BYTES..).and_then(<[u8]>::first_chunk);
        let api = wire::frame::admit(*prefix.ok_or(FrameError::Truncated)?, size)?;
        Ok(Some((api.key, size)))
    }

    fn own_no_empty_buffer(&mut self) {
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
    }

    fn checked_size(&self) -> Result<usize, FrameError> {
        self.size().ok_or_else(|| FrameError::Size {
            size: self
                .ahead
                .first_chunk()
                .map_or(0, |size| i32::from_be_bytes(*size)),
            max: self.max_request_bytes,
        })
    }

    /// The size that the head tells, if it is an allowed one.
    fn size(&self) -> Option<usize> {
        let size = i32::from_be_bytes(*self.ahead.first_chunk()?);
        usize::try_from(size)
            .ok()
            .filter(|bytes| size <= self.max_request_bytes && *bytes >= API_PREFIX_BYTES)
    }
}

impl Body {
    async fn fill(&mut self, ahead: &mut BytesMut, stream: &TcpStream) -> Result<(), FrameError> {
        let Frame { bytes, share } = &mut self.frame;
        while bytes.len() < self.size {
            let room = share.allows_bytes().min(self.size) - bytes.len();
            if room == 0 {
                // Whose client sends nothing is given nothing.
                if ahead.is_empty() {
                    share
                        .wait_for_client(bytes.len(), stream.readable())
                        .await?;
                }
                let step = bytes.len().max(ahead.len()).max(FIRST_STEP_BYTES);
                share.grow(step.min(self.size - bytes.len())).await?;
                bytes.grow(share.allows_bytes().min(self.size))?;
                continue;
            }
            if !ahead.is_empty() {
                bytes.take(ahead, room);
                continue;
            }
            match bytes.read(stream, room) {
                Ok(0) => return Err(FrameError::Truncated),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    share
                        .wait_for_client(bytes.len(), stream.readable())
                        .await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
