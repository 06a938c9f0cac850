//! The cluster's metadata, and every decision about it. Pure: no clock, no disk, no socket.
//!
//! State is records. They fold into an immutable [`Image`]; a decision looks at an image and a
//! request, and answers with records and a response. The same fold serves live and at recovery.
//!
//! *Invariant: a decision is a pure function of (image, request); randomness comes in as an argument.*

pub mod decide;
mod delta;
mod entropy;
pub mod features;
pub mod image;

pub use self::decide::Decision;
pub use self::delta::Delta;
pub use self::entropy::Entropy;
pub use self::image::Image;
