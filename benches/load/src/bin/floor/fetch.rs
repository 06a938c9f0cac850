//! Fetch, versions 4 to 11: whole batches go from file to socket.

use std::fs::File;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::bail;
use bytes::{Buf, BufMut};
use rustix::fs::sendfile;
use rustix::net::{SendFlags, send};

use crate::partition::Range;
use crate::{Floor, string};

struct Wanted {
    max_wait: Duration,
    max_bytes: u64,
    topics: Vec<(Vec<u8>, Vec<WantedPartition>)>,
}

struct WantedPartition {
    number: i32,
    offset: i64,
    max_bytes: u64,
}

pub(crate) fn answer(
    floor: &Floor,
    stream: &TcpStream,
    correlation: i32,
    body: &[u8],
) -> anyhow::Result<()> {
    let wanted = parse(body)?;
    let deadline = Instant::now() + wanted.max_wait;
    loop {
        let seen = floor.partitions.appends()?;
        let ranges = ranges(floor, &wanted)?;
        let found = ranges.iter().any(|range| range.length > 0);
        let left = deadline.saturating_duration_since(Instant::now());
        if found || left.is_zero() || !floor.partitions.wait(seen, left)? {
            return write(floor, stream, correlation, &wanted, &ranges);
        }
    }
}

fn parse(mut body: &[u8]) -> anyhow::Result<Wanted> {
    let rest = &mut body;
    rest.try_get_i32()?;
    let max_wait = Duration::from_millis(u64::try_from(rest.try_get_i32()?)?);
    rest.try_get_i32()?;
    let max_bytes = u64::try_from(rest.try_get_i32()?)?;
    rest.try_get_i8()?;
    rest.try_get_i32()?;
    rest.try_get_i32()?;
    let mut topics = Vec::new();
    for _ in 0..rest.try_get_i32()? {
        let name = string(rest)?.to_vec();
        let mut partitions = Vec::new();
        for _ in 0..rest.try_get_i32()? {
            let number = rest.try_get_i32()?;
            rest.try_get_i32()?;
            let offset = rest.try_get_i64()?;
            rest.try_get_i64()?;
            let max_bytes = u64::try_from(rest.try_get_i32()?)?;
            partitions.push(WantedPartition {
                number,
                offset,
                max_bytes,
            });
        }
        topics.push((name, partitions));
    }
    Ok(Wanted {
        max_wait,
        max_bytes,
        topics,
    })
}

/// What there is for each partition, in the order of the request.
fn ranges(floor: &Floor, wanted: &Wanted) -> anyhow::Result<Vec<Range>> {
    let mut left_bytes = wanted.max_bytes;
    let mut found = false;
    let mut ranges = Vec::new();
    for asked in wanted.topics.iter().flat_map(|(_, partitions)| partitions) {
        let most_bytes = asked.max_bytes.min(left_bytes);
        let range = floor
            .partitions
            .get(asked.number)?
            .range(asked.offset, most_bytes, !found)?;
        left_bytes = left_bytes.saturating_sub(range.length);
        found |= range.length > 0;
        ranges.push(range);
    }
    Ok(ranges)
}

/// Framing, and the batches that come after it.
struct Piece<'a> {
    framing: Vec<u8>,
    batches: Option<(&'a File, &'a Range)>,
}

impl Piece<'_> {
    fn length(&self) -> u64 {
        self.framing.len() as u64 + self.batches.map_or(0, |(_, range)| range.length)
    }
}

fn write(
    floor: &Floor,
    stream: &TcpStream,
    correlation: i32,
    wanted: &Wanted,
    ranges: &[Range],
) -> anyhow::Result<()> {
    let pieces = pieces(floor, correlation, wanted, ranges)?;
    let size: u64 = pieces.iter().map(Piece::length).sum();
    send_all(stream, &(size as i32).to_be_bytes(), SendFlags::MORE)?;
    for piece in &pieces {
        match piece.batches {
            None => send_all(stream, &piece.framing, SendFlags::empty())?,
            Some((file, range)) => {
                send_all(stream, &piece.framing, SendFlags::MORE)?;
                send_file(stream, file, range)?;
            }
        }
    }
    Ok(())
}

fn pieces<'a>(
    floor: &'a Floor,
    correlation: i32,
    wanted: &Wanted,
    ranges: &'a [Range],
) -> anyhow::Result<Vec<Piece<'a>>> {
    let mut pieces = Vec::new();
    let mut framing = Vec::with_capacity(256);
    framing.put_i32(correlation);
    framing.put_i32(0);
    framing.put_i16(0);
    framing.put_i32(0);
    framing.put_i32(wanted.topics.len() as i32);
    let mut ranges = ranges.iter();
    for (name, partitions) in &wanted.topics {
        framing.put_i16(name.len() as i16);
        framing.put_slice(name);
        framing.put_i32(partitions.len() as i32);
        for (asked, range) in partitions.iter().zip(ranges.by_ref()) {
            framing.put_i32(asked.number);
            framing.put_i16(0);
            framing.put_i64(range.log_end_offset);
            framing.put_i64(range.log_end_offset);
            framing.put_i64(0);
            framing.put_i32(-1);
            framing.put_i32(-1);
            framing.put_i32(range.length as i32);
            if range.length > 0 {
                pieces.push(Piece {
                    framing: std::mem::take(&mut framing),
                    batches: Some((&floor.partitions.get(asked.number)?.file, range)),
                });
            }
        }
    }
    pieces.push(Piece {
        framing,
        batches: None,
    });
    Ok(pieces)
}

fn send_file(stream: &TcpStream, file: &File, range: &Range) -> anyhow::Result<()> {
    let mut position = range.start;
    let end = range.start + range.length;
    while position < end {
        let left = end - position;
        if sendfile(stream, file, Some(&mut position), left as usize)? == 0 {
            bail!("a file is shorter than its batches");
        }
    }
    Ok(())
}

fn send_all(stream: &TcpStream, mut bytes: &[u8], flags: SendFlags) -> anyhow::Result<()> {
    while !bytes.is_empty() {
        let sent = send(stream, bytes, flags)?;
        bytes = bytes.get(sent..).unwrap_or_default();
    }
    Ok(())
}
