//! The shard as its callers see it: requests and time in, records and replies out.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod describing;
mod expiry;
mod membership;
mod offsets;
mod rebalancing;
mod recovery;
mod static_members;
mod world;
