//! Sockets: accepting connections, framing requests, writing answers.

mod accept_rate;
mod budget;
mod buffer;
pub(crate) mod connection;
mod frame;
mod hangup;
pub(crate) mod listener;
mod reply;
pub(crate) mod stopping;
mod warm;

pub(crate) use budget::RequestBudget;
pub(crate) use frame::Frame;
pub(crate) use reply::Reply;
pub(crate) use warm::aside;
