//! Sockets: accepting connections, framing requests, writing answers.

mod accept_rate;
mod budget;
mod buffer;
pub(crate) mod connection;
mod frame;
mod fuzzing;
mod hangup;
pub(crate) mod listener;
mod reply;
pub(crate) mod stopping;
mod warm;

pub(crate) use budget::RequestBudget;
pub(crate) use frame::Frame;
pub use fuzzing::read_frames;
pub(crate) use reply::Reply;
pub(crate) use warm::aside;
