//! The members of a group, and what has to be counted over all of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::effects::Token;
use crate::member::{Member, Protocol};
use crate::placement::java_hash;

/// *Invariants: `supporters` counts, for each protocol, the members that offer it; `awaiting_join` counts the members
/// whose JoinGroup is parked; `static_ids` holds exactly the static members.*
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    by_id: BTreeMap<Arc<str>, Member>,
    static_ids: HashMap<Arc<str>, Arc<str>>,
    supporters: BTreeMap<String, usize>,
    awaiting_join: usize,
}

impl Members {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(crate) fn get(&self, member_id: &str) -> Option<&Member> {
        self.by_id.get(member_id)
    }

    pub(crate) fn contains(&self, member_id: &str) -> bool {
        self.by_id.contains_key(member_id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.by_id.values()
    }

    pub(crate) fn ids(&self) -> Vec<Arc<str>> {
        self.by_id.keys().cloned().collect()
    }

    /// The member that `group_instance_id` stands for at present.
    pub(crate) fn static_id(&self, group_instance_id: &str) -> Option<&Arc<str>> {
        self.static_ids.get(group_instance_id)
    }

    pub(crate) fn insert(&mut self, member: Member) {
        self.remove(&Arc::clone(&member.id));
        self.count(&member);
        if let Some(instance_id) = &member.group_instance_id {
            self.static_ids
                .insert(Arc::clone(instance_id), Arc::clone(&member.id));
        }
        self.by_id.insert(Arc::clone(&member.id), member);
    }

    pub(crate) fn remove(&mut self, member_id: &str) -> Option<Member> {
        let member = self.by_id.remove(member_id)?;
        self.uncount(&member);
        if let Some(instance_id) = &member.group_instance_id {
            self.static_ids.remove(instance_id);
        }
        Some(member)
    }

    /// Changes a member as `change` says; its id and group instance id must stay.
    pub(crate) fn update<T>(
        &mut self,
        member_id: &str,
        change: impl FnOnce(&mut Member) -> T,
    ) -> Option<T> {
        let (id, mut member) = self.by_id.remove_entry(member_id)?;
        self.uncount(&member);
        let result = change(&mut member);
        self.count(&member);
        self.by_id.insert(id, member);
        Some(result)
    }

    pub(crate) fn take_join(&mut self, member_id: &str) -> Option<Token> {
        self.update(member_id, |member| member.awaiting_join.take())
            .flatten()
    }

    pub(crate) fn take_sync(&mut self, member_id: &str) -> Option<Token> {
        self.update(member_id, |member| member.awaiting_sync.take())
            .flatten()
    }

    pub(crate) fn awaiting_join(&self) -> usize {
        self.awaiting_join
    }

    /// Whether all members offer `protocol`; so it is, of any protocol, when there are none.
    pub(crate) fn all_support(&self, protocol: &str) -> bool {
        self.supporters.get(protocol).copied().unwrap_or(0) == self.len()
    }

    /// The protocol for the next generation: of those that all offer, the one that most prefer. Kafka settles a tie by
    /// the order of a Java hash map, and a group that changes its protocol member by member comes through one.
    pub(crate) fn select_protocol(&self) -> Option<String> {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.iter() {
            let favourite = member
                .protocols
                .iter()
                .find(|protocol| self.all_support(&protocol.name))?;
            *votes.entry(&favourite.name).or_default() += 1;
        }
        let winner = votes
            .into_iter()
            .max_by_key(|(name, count)| (*count, Reverse(java_bucket(name))));
        winner.map(|(name, _)| name.to_owned())
    }

    pub(crate) fn offer_any_of(&self, protocols: &[Protocol]) -> bool {
        protocols
            .iter()
            .any(|protocol| self.all_support(&protocol.name))
    }

    /// The longest rebalance timeout of any member, in milliseconds.
    pub(crate) fn rebalance_timeout_ms(&self) -> i32 {
        self.iter()
            .map(|member| member.rebalance_timeout_ms)
            .max()
            .unwrap_or(0)
            .max(0)
    }

    fn count(&mut self, member: &Member) {
        for protocol in &member.protocols {
            *self.supporters.entry(protocol.name.clone()).or_default() += 1;
        }
        self.awaiting_join += usize::from(member.awaiting_join.is_some());
    }

    fn uncount(&mut self, member: &Member) {
        for protocol in &member.protocols {
            if let Some(count) = self.supporters.get_mut(&protocol.name) {
                *count -= 1;
                if *count == 0 {
                    self.supporters.remove(&protocol.name);
                }
            }
        }
        self.awaiting_join -= usize::from(member.awaiting_join.is_some());
    }
}

/// Where a small Java `HashMap` keeps `key`; it is walked in the order of its buckets.
fn java_bucket(key: &str) -> u32 {
    const BUCKETS: u32 = 16;
    let hash = java_hash(key).cast_unsigned();
    (hash ^ (hash >> 16)) % BUCKETS
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn member(id: &str, instance: Option<&str>, protocols: &[&str]) -> Member {
        Member {
            id: id.into(),
            group_instance_id: instance.map(Into::into),
            client_id: String::new(),
            client_host: String::new(),
            rebalance_timeout_ms: 0,
            session_timeout_ms: 0,
            protocols: protocols
                .iter()
                .map(|name| Protocol {
                    name: (*name).to_owned(),
                    metadata: Bytes::new(),
                })
                .collect(),
            assignment: Bytes::new(),
            awaiting_join: None,
            awaiting_sync: None,
            is_new: false,
        }
    }

    #[test]
    fn the_protocol_that_most_prefer_of_those_that_all_offer_is_selected() {
        for (offers, selected) in [
            (
                vec![
                    vec!["range", "sticky"],
                    vec!["sticky", "range"],
                    vec!["sticky", "range"],
                ],
                Some("sticky"),
            ),
            (vec![vec!["mine", "range"], vec!["range"]], Some("range")),
            (vec![vec!["a"], vec!["b"]], None),
            (vec![], None),
        ] {
            let mut members = Members::default();
            for (index, protocols) in offers.iter().enumerate() {
                members.insert(member(&index.to_string(), None, protocols));
            }
            assert_eq!(members.select_protocol().as_deref(), selected, "{offers:?}");
        }
    }

    #[test]
    fn a_tie_goes_to_the_protocol_that_kafka_picks() {
        for (one, other, selected) in [
            ("range", "cooperative-sticky", "range"),
            ("range", "roundrobin", "range"),
            ("range", "sticky", "sticky"),
            ("roundrobin", "sticky", "sticky"),
            ("cooperative-sticky", "sticky", "sticky"),
            ("cooperative-sticky", "roundrobin", "roundrobin"),
            ("sessioned", "compatible", "compatible"),
            ("stream", "range", "stream"),
        ] {
            let mut members = Members::default();
            members.insert(member("1", None, &[one, other]));
            members.insert(member("2", None, &[other, one]));
            assert_eq!(members.select_protocol().as_deref(), Some(selected));
        }
    }

    #[test]
    fn counts_follow_every_change() {
        let mut members = Members::default();
        members.insert(member("a", Some("i"), &["range"]));
        members.insert(member("b", None, &["range", "sticky"]));
        assert!(members.all_support("range") && !members.all_support("sticky"));
        assert_eq!(members.static_id("i").map(|id| &**id), Some("a"));

        members.update("a", |member| member.awaiting_join = Some(7));
        assert_eq!(members.awaiting_join(), 1);
        assert_eq!(members.take_join("a"), Some(7));
        assert_eq!((members.awaiting_join(), members.take_join("a")), (0, None));

        members.remove("a");
        assert!(members.all_support("sticky"));
        assert_eq!(members.static_id("i"), None);
        members.remove("b");
        assert!(members.all_support("anything") && members.supporters.is_empty());
    }
}
