//! What `produce` has written: how many records, and where they are.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::output::{View, counted};

#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Written {
    records: i64,
    #[serde(serialize_with = "as_list")]
    partitions: BTreeMap<i32, InPartition>,
}

#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
struct InPartition {
    partition: i32,
    records: i64,
    /// Of the first record and of the last; others' records may lie between. `None` where the broker
    /// was not asked.
    first_offset: Option<i64>,
    last_offset: Option<i64>,
}

/// For people a line, for scripts a document.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    pub(super) topic: &'a str,
    #[serde(flatten)]
    pub(super) written: &'a Written,
}

fn as_list<S: serde::Serializer>(
    partitions: &BTreeMap<i32, InPartition>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(partitions.values())
}

impl Written {
    pub(super) fn add(&mut self, partition: i32, records: i64, base_offset: Option<i64>) {
        self.records += records;
        let entry = self.partitions.entry(partition).or_insert(InPartition {
            partition,
            records: 0,
            first_offset: base_offset,
            last_offset: None,
        });
        entry.records += records;
        entry.last_offset = base_offset.map(|offset| offset + records - 1);
    }
}

impl View for Summary<'_> {
    fn text(&self) -> String {
        let records = counted(self.written.records, "record");
        format!("topic {}: {records} written", self.topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_add_up_by_partition() {
        let mut written = Written::default();
        written.add(2, 3, Some(10));
        written.add(0, 1, None);
        written.add(2, 2, Some(20));
        let summary = Summary {
            topic: "orders",
            written: &written,
        };
        assert_eq!(summary.text(), "topic orders: 6 records written");
        assert_eq!(
            serde_json::to_value(&summary).unwrap(),
            serde_json::json!({"topic": "orders", "records": 6, "partitions": [
                {"partition": 0, "records": 1, "first_offset": null, "last_offset": null},
                {"partition": 2, "records": 5, "first_offset": 10, "last_offset": 21},
            ]})
        );
    }
}
