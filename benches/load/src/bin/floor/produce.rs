//! Produce, versions 3 to 7: one batch a partition is checked by its CRC and written.

use anyhow::{Context, bail};
use bytes::{Buf, BufMut};
use crc_fast::{CrcAlgorithm, checksum};

use crate::{Floor, string};

/// Of a batch, where its CRC is and where what it covers begins.
const CRC: usize = 17;
const CHECKED: usize = 21;
const RECORDS: usize = 57;

pub(crate) fn answer(floor: &Floor, correlation: i32, body: &mut [u8]) -> anyhow::Result<Vec<u8>> {
    let mut answer = Vec::with_capacity(128);
    answer.put_i32(0);
    answer.put_i32(correlation);
    let mut rest: &[u8] = body;
    string(&mut rest)?;
    rest.try_get_i16()?;
    rest.try_get_i32()?;
    let topics = rest.try_get_i32()?;
    let mut at = body.len() - rest.len();
    answer.put_i32(topics);
    for _ in 0..topics {
        let mut rest = body.get(at..).unwrap_or_default();
        let name = string(&mut rest)?;
        let partitions = rest.try_get_i32()?;
        answer.put_i16(name.len() as i16);
        answer.put_slice(name);
        answer.put_i32(partitions);
        at = body.len() - rest.len();
        for _ in 0..partitions {
            let mut rest = body.get(at..).unwrap_or_default();
            let partition = rest.try_get_i32()?;
            let length = usize::try_from(rest.try_get_i32()?)?;
            at = body.len() - rest.len();
            let batch = body.get_mut(at..at + length).context("a whole batch")?;
            at += length;
            let base_offset = append(floor, partition, batch)?;
            answer.put_i32(partition);
            answer.put_i16(0);
            answer.put_i64(base_offset);
            answer.put_i64(-1);
            answer.put_i64(0);
        }
    }
    answer.put_i32(0);
    let size = (answer.len() - 4) as i32;
    if let Some(place) = answer.first_chunk_mut::<4>() {
        *place = size.to_be_bytes();
    }
    Ok(answer)
}

fn append(floor: &Floor, partition: i32, batch: &mut [u8]) -> anyhow::Result<i64> {
    if floor.discard {
        return Ok(0);
    }
    let mut records = batch.get(RECORDS..).context("a whole batch header")?;
    let records = i64::from(records.try_get_i32()?);
    let mut crc = batch.get(CRC..).unwrap_or_default();
    let checked = batch.get(CHECKED..).unwrap_or_default();
    if checksum(CrcAlgorithm::Crc32Iscsi, checked) != u64::from(crc.try_get_u32()?) {
        bail!("a batch does not match its CRC");
    }
    let base_offset = floor.partitions.get(partition)?.append(batch, records)?;
    floor.partitions.tell_appended()?;
    Ok(base_offset)
}
