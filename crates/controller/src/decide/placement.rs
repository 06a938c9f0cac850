//! Where the replicas of new partitions go: in stripes over the racks, and within each rack over its
//! brokers, so that leaders and replicas are spread evenly. (Kafka's striped replica placer.)

use std::collections::BTreeMap;

use wire::ErrorCode;

use super::Refusal;
use crate::entropy::Entropy;
use crate::image::{Broker, Image};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PlacementError {
    #[error("All brokers are currently fenced, or have all their log directories cordoned.")]
    NoActiveBroker,
    #[error(
        "The target replication factor of {replication_factor} cannot be reached because only {brokers} \
         broker(s) are registered or some brokers have all their log directories cordoned."
    )]
    TooFewBrokers {
        replication_factor: usize,
        brokers: usize,
    },
}

impl Refusal for PlacementError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidReplicationFactor
    }
}

/// The replicas of `partition_count` new partitions, the leader of each first.
pub(super) fn place(
    image: &Image,
    partition_count: usize,
    replication_factor: usize,
    entropy: &mut Entropy,
) -> Result<Vec<Vec<i32>>, PlacementError> {
    let mut racks = Racks::new(image, entropy);
    if racks.active_count() == 0 {
        return Err(PlacementError::NoActiveBroker);
    }
    let brokers = racks.broker_count();
    if replication_factor > brokers {
        return Err(PlacementError::TooFewBrokers {
            replication_factor,
            brokers,
        });
    }
    Ok((0..partition_count)
        .map(|_| racks.place(replication_factor, entropy))
        .collect())
}

/// A broker gets replicas unless it asked for none in any of its directories.
fn is_usable(broker: &Broker) -> bool {
    let is_cordoned = |id| broker.cordoned_log_dirs.contains(id);
    broker.log_dirs.is_empty() || !broker.log_dirs.iter().all(is_cordoned)
}

struct Racks {
    racks: Vec<Rack>,
    /// Which partition is being placed; starts over when every active broker has led once.
    epoch: usize,
    /// The rack that the next partition's leader comes from, if it has an active broker.
    offset: usize,
}

#[derive(Default)]
struct Rack {
    active: Brokers,
    fenced: Brokers,
}

/// The brokers of one rack in their order, begun one further with every partition.
#[derive(Default)]
struct Brokers {
    ids: Vec<i32>,
    offset: usize,
    epoch: usize,
    taken: usize,
}

impl Racks {
    fn new(image: &Image, entropy: &mut Entropy) -> Racks {
        let mut racks: BTreeMap<Option<&str>, Rack> = BTreeMap::new();
        for broker in image.brokers().filter(|broker| is_usable(broker)) {
            let rack = racks.entry(broker.rack.as_deref()).or_default();
            let brokers = if broker.fenced {
                &mut rack.fenced
            } else {
                &mut rack.active
            };
            brokers.ids.push(broker.id);
        }
        let mut racks: Vec<Rack> = racks.into_values().collect();
        for rack in &mut racks {
            rack.active.offset = entropy.below(rack.active.ids.len());
            rack.fenced.offset = entropy.below(rack.fenced.ids.len());
        }
        let offset = entropy.below(racks.len());
        Racks {
            racks,
            epoch: 0,
            offset,
        }
    }

    fn active_count(&self) -> usize {
        self.racks.iter().map(|rack| rack.active.ids.len()).sum()
    }

    fn broker_count(&self) -> usize {
        self.active_count()
            + self
                .racks
                .iter()
                .map(|rack| rack.fenced.ids.len())
                .sum::<usize>()
    }

    /// The caller has made sure that there is an active broker, and as many brokers as replicas.
    fn place(&mut self, replication_factor: usize, entropy: &mut Entropy) -> Vec<i32> {
        if self.epoch == self.active_count() && self.epoch > 1 {
            self.shuffle(entropy);
            self.epoch = 0;
        }
        let epoch = self.epoch;
        let rack_count = self.racks.len();
        let first = self.offset % rack_count.max(1);
        let in_order = |start: usize| (0..rack_count).map(move |step| (start + step) % rack_count);

        let mut replicas = Vec::with_capacity(replication_factor);
        let mut leader_rack = None;
        for index in in_order(first) {
            let leader = self
                .racks
                .get_mut(index)
                .and_then(|rack| rack.active.next(epoch));
            if let Some(leader) = leader {
                replicas.push(leader);
                leader_rack = Some(index);
                break;
            }
        }
        // The leader's rack has had its turn in the first round of the followers.
        for index in in_order(first).cycle() {
            if replicas.len() >= replication_factor || replicas.is_empty() {
                break;
            }
            if leader_rack.take_if(|rack| *rack == index).is_some() {
                continue;
            }
            replicas.extend(self.racks.get_mut(index).and_then(|rack| rack.next(epoch)));
        }
        self.epoch += 1;
        self.offset = first + 1;
        replicas
    }

    fn shuffle(&mut self, entropy: &mut Entropy) {
        entropy.shuffle(&mut self.racks);
        for rack in &mut self.racks {
            entropy.shuffle(&mut rack.active.ids);
            entropy.shuffle(&mut rack.fenced.ids);
        }
    }
}

impl Rack {
    fn next(&mut self, epoch: usize) -> Option<i32> {
        self.active.next(epoch).or_else(|| self.fenced.next(epoch))
    }
}

impl Brokers {
    /// The next broker for the partition of this epoch; `None` when each has been given to it.
    fn next(&mut self, epoch: usize) -> Option<i32> {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.taken = 0;
            self.offset += 1;
        }
        if self.taken >= self.ids.len() {
            return None;
        }
        let id = self
            .ids
            .get((self.offset + self.taken) % self.ids.len())
            .copied();
        self.taken += 1;
        id
    }
}
