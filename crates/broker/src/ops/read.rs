//! The one read beneath every protocol front: leadership and epoch checks, the bound that the reader may see, then whole
//! batches of the log.

use std::sync::Arc;

use replica::{LeadershipError, Partition};
use store::{Payload, Reach};
use thiserror::Error;

/// Up to where a reader sees (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    ReadUncommitted,
    ReadCommitted,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadArgs {
    pub(crate) from: i64,
    pub(crate) max_bytes: u32,
    /// Return the first batch even if it is larger than `max_bytes`.
    pub(crate) at_least_one: bool,
    /// The epoch that the reader believes in; -1: it does not say (KIP-320).
    pub(crate) current_leader_epoch: i32,
    /// The epoch of the last batch the reader has; -1: not compared (KIP-595).
    pub(crate) last_fetched_epoch: i32,
    pub(crate) isolation: Isolation,
    pub(crate) reach: Reach,
}

/// Where the log of the leader parts from the reader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Divergence {
    pub(crate) epoch: i32,
    pub(crate) end_offset: i64,
}

#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) payload: Payload,
    /// What the reader may see goes on behind the payload.
    pub(crate) more: bool,
    pub(crate) high_watermark: i64,
    pub(crate) last_stable_offset: i64,
    pub(crate) log_start: i64,
    pub(crate) divergence: Option<Divergence>,
}

#[derive(Debug, Error)]
pub(crate) enum ReadFault {
    #[error(transparent)]
    Leadership(#[from] LeadershipError),
    #[error("the offset is outside the log")]
    OutOfRange,
    #[error("the log cannot be read")]
    Storage,
    /// Only where the reach is memory.
    #[error("the disk is needed")]
    Cold,
}

pub(crate) fn read(partition: &Arc<Partition>, args: ReadArgs) -> Result<Found, ReadFault> {
    partition.check_leader_epoch(args.current_leader_epoch)?;
    let log = partition.log();
    let high_watermark = partition.high_watermark();
    let last_stable_offset = partition.last_stable_offset();
    let divergence = if args.last_fetched_epoch >= 0 {
        divergence(partition, &args)?
    } else {
        None
    };
    let found = match divergence {
        Some(_) => store::Found {
            payload: Payload::empty(),
            more: false,
        },
        None => {
            let args = store::ReadArgs {
                from: args.from,
                max_bytes: args.max_bytes,
                up_to: match args.isolation {
                    Isolation::ReadUncommitted => high_watermark,
                    Isolation::ReadCommitted => last_stable_offset,
                },
                at_least_one: args.at_least_one,
                reach: args.reach,
            };
            log.find(&args).map_err(|error| fault(partition, error))?
        }
    };
    Ok(Found {
        payload: found.payload,
        more: found.more,
        high_watermark,
        last_stable_offset,
        log_start: log.log_start(),
        divergence,
    })
}

fn fault(partition: &Partition, error: store::ReadError) -> ReadFault {
    match error {
        store::ReadError::OutOfRange { .. } => ReadFault::OutOfRange,
        store::ReadError::Cold => ReadFault::Cold,
        store::ReadError::Io(error) => {
            tracing::error!(topic = %partition.topic, partition = partition.index, %error, "read failed");
            ReadFault::Storage
        }
    }
}

fn divergence(partition: &Partition, args: &ReadArgs) -> Result<Option<Divergence>, ReadFault> {
    let end = partition
        .log()
        .end_offset_for_epoch(args.last_fetched_epoch);
    let (epoch, end_offset) = end.ok_or(ReadFault::OutOfRange)?;
    let parts = epoch < args.last_fetched_epoch || end_offset < args.from;
    Ok(parts.then_some(Divergence { epoch, end_offset }))
}
