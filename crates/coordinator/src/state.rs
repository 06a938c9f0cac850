//! The states of a group and the ways between them.

/// Where a classic group stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupState {
    /// No members; it may still hold committed offsets.
    Empty,
    /// Waiting for all members to join the next generation.
    PreparingRebalance,
    /// All members joined; waiting for the leader's assignment.
    CompletingRebalance,
    /// Every member has its assignment.
    Stable,
}

impl GroupState {
    /// Kafka's name of the state, as in DescribeGroups and ListGroups.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }

    /// Whether a rebalance may begin now.
    pub(crate) fn can_rebalance(self) -> bool {
        matches!(self, Self::Empty | Self::CompletingRebalance | Self::Stable)
    }

    /// Whether `next` may follow this state.
    pub(crate) fn precedes(self, next: Self) -> bool {
        match next {
            Self::Empty | Self::CompletingRebalance => self == Self::PreparingRebalance,
            Self::PreparingRebalance => self.can_rebalance(),
            Self::Stable => self == Self::CompletingRebalance,
        }
    }
}
