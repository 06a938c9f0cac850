//! The operations of IncrementalAlterConfigs (KIP-339) on one key of one resource.

use std::collections::{HashMap, HashSet};

use crate::key::{Key, Kind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Set,
    Delete,
    /// Adds items to a list.
    Append,
    /// Takes items from a list.
    Subtract,
}

/// Only a list can be appended to or subtracted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key's type is not LIST")]
pub struct NotAList;

impl Operation {
    pub fn from_code(code: i8) -> Option<Self> {
        match code {
            0 => Some(Self::Set),
            1 => Some(Self::Delete),
            2 => Some(Self::Append),
            3 => Some(Self::Subtract),
            _ => None,
        }
    }

    /// The name that Kafka's messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Set => "SET",
            Self::Delete => "DELETE",
            Self::Append => "APPEND",
            Self::Subtract => "SUBTRACT",
        }
    }

    /// What the resource's own value becomes; `None` is no value. A list that the resource does not
    /// set starts from the key's default, not from what the resource inherits.
    pub fn apply(
        self,
        key: Option<&Key>,
        current: Option<&str>,
        operand: &str,
    ) -> Result<Option<String>, NotAList> {
        match self {
            Self::Set => return Ok(Some(operand.to_owned())),
            Self::Delete => return Ok(None),
            Self::Append | Self::Subtract => {}
        }
        let key = key.filter(|key| key.kind == Kind::List).ok_or(NotAList)?;
        let current = current.or(key.default).unwrap_or_default();
        let items = current.split(',').filter(|item| !item.is_empty());
        let items: Vec<&str> = match self {
            Self::Subtract => without(items, operand),
            _ => {
                let items: Vec<&str> = items.collect();
                let mut known: HashSet<&str> = items.iter().copied().collect();
                let added = operand.split(',').filter(|item| known.insert(item));
                items.iter().copied().chain(added).collect()
            }
        };
        Ok(Some(items.join(",")))
    }
}

/// `items`, less the first one of each name for each time that `operand` names it.
fn without<'a>(items: impl Iterator<Item = &'a str>, operand: &str) -> Vec<&'a str> {
    let mut named: HashMap<&str, usize> = HashMap::new();
    for item in operand.split(',') {
        *named.entry(item).or_default() += 1;
    }
    let is_kept = |item: &&str| match named.get_mut(*item) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    };
    items.filter(is_kept).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::topic_key;

    fn apply(
        name: &str,
        operation: Operation,
        current: Option<&str>,
        operand: &str,
    ) -> Option<String> {
        operation.apply(topic_key(name), current, operand).unwrap()
    }

    #[test]
    fn lists_grow_and_shrink() {
        use Operation::{Append, Subtract};
        for (operation, current, operand, result) in [
            (Append, None, "compact", "delete,compact"),
            (Append, Some("compact"), "compact", "compact"),
            (Append, Some(""), "compact", "compact"),
            (Append, None, "", "delete,"),
            (Subtract, None, "delete", ""),
            (Subtract, Some("compact"), "delete", "compact"),
            (Subtract, Some("delete,compact"), "compact,delete", ""),
            (Append, Some("a,b,a"), "c,b,c,d", "a,b,a,c,d"),
            (Subtract, Some("a,b,a,c,a"), "a,d,a", "b,c,a"),
        ] {
            assert_eq!(
                apply("cleanup.policy", operation, current, operand).as_deref(),
                Some(result),
                "{operation:?} {current:?} {operand:?}"
            );
        }
    }

    #[test]
    fn long_lists_take_no_longer_than_their_length() {
        let list = |from: usize| {
            let items = from..from + 200_000;
            items
                .map(|item| item.to_string())
                .collect::<Vec<_>>()
                .join(",")
        };
        let began = Instant::now();
        let (current, operand) = (list(0), list(100_000));
        let apply =
            |operation| apply("cleanup.policy", operation, Some(&current), &operand).unwrap();
        assert_eq!(apply(Operation::Append).split(',').count(), 300_000);
        assert_eq!(apply(Operation::Subtract).split(',').count(), 100_000);
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn any_key_is_set_and_deleted() {
        assert_eq!(
            apply("retention.ms", Operation::Set, Some("1"), "2").as_deref(),
            Some("2")
        );
        assert_eq!(
            apply("retention.ms", Operation::Delete, Some("1"), ""),
            None
        );
    }

    #[test]
    fn other_types_have_no_items() {
        for name in ["retention.ms", "no.such.key"] {
            assert_eq!(
                Operation::Append.apply(topic_key(name), None, "1"),
                Err(NotAList)
            );
        }
    }
}
