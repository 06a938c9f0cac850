//! Who is in a cluster and what it holds, out of a Metadata answer.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use crate::{ClientError, Refusal, check};

/// Which topics to ask for.
#[derive(Debug, Clone, Copy)]
pub enum TopicFilter<'a> {
    All,
    /// Brokers only.
    Nothing,
    Named(&'a [String]),
}

#[derive(Debug, Clone)]
pub struct Metadata {
    pub cluster_id: Option<String>,
    /// Where requests for the controller go; under KRaft any broker, which forwards them.
    pub controller_id: i32,
    pub brokers: Vec<Broker>,
    /// Sorted by name.
    pub topics: Vec<Topic>,
}

#[derive(Debug, Clone)]
pub struct Broker {
    pub id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Topic {
    pub name: String,
    /// Nil where the broker is older than topic ids.
    pub id: Uuid,
    pub internal: bool,
    pub refusal: Option<Refusal>,
    /// Sorted by index.
    pub partitions: Vec<Partition>,
}

#[derive(Debug, Clone)]
pub struct Partition {
    pub index: i32,
    pub leader: Option<i32>,
    pub leader_epoch: i32,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    pub offline: Vec<i32>,
    pub error: Option<ResponseError>,
}

impl Broker {
    /// `host:port`, brackets around an IPv6 address.
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl Metadata {
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// The leader of a partition, or why there is none.
    pub fn leader(&self, topic: &str, index: i32) -> Result<i32, ClientError> {
        let refused = |error| ClientError::Partition {
            topic: topic.to_owned(),
            index,
            error,
        };
        let topic = self
            .topic(topic)
            .ok_or_else(|| refused(ResponseError::UnknownTopicOrPartition))?;
        if let Some(refusal) = &topic.refusal {
            return Err(refused(refusal.error));
        }
        let mut partitions = topic.partitions.iter();
        partitions
            .find(|partition| partition.index == index)
            .ok_or_else(|| refused(ResponseError::UnknownTopicOrPartition))?
            .leader
            .ok_or_else(|| refused(ResponseError::LeaderNotAvailable))
    }

    pub(crate) fn request(topics: TopicFilter<'_>, auto_create: bool) -> MetadataRequest {
        let named = |name: &String| {
            let name = TopicName(StrBytes::from_string(name.clone()));
            MetadataRequestTopic::default().with_name(Some(name))
        };
        MetadataRequest::default()
            .with_allow_auto_topic_creation(auto_create)
            .with_topics(match topics {
                TopicFilter::All => None,
                TopicFilter::Nothing => Some(Vec::new()),
                TopicFilter::Named(names) => Some(names.iter().map(named).collect()),
            })
    }
}

impl From<MetadataResponse> for Metadata {
    fn from(answer: MetadataResponse) -> Self {
        let mut topics: Vec<Topic> = answer.topics.into_iter().map(Topic::from).collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        let brokers = answer.brokers.into_iter().map(|broker| Broker {
            id: broker.node_id.0,
            host: broker.host.to_string(),
            port: broker.port,
            rack: broker.rack.map(|rack| rack.to_string()),
        });
        let mut brokers: Vec<Broker> = brokers.collect();
        brokers.sort_by_key(|broker| broker.id);
        Self {
            cluster_id: answer.cluster_id.map(|id| id.to_string()),
            controller_id: answer.controller_id.0,
            brokers,
            topics,
        }
    }
}

impl From<MetadataResponseTopic> for Topic {
    fn from(topic: MetadataResponseTopic) -> Self {
        let mut partitions: Vec<_> = topic.partitions.into_iter().map(Partition::from).collect();
        partitions.sort_by_key(|partition| partition.index);
        Self {
            name: topic.name.map(|name| name.to_string()).unwrap_or_default(),
            id: topic.topic_id,
            internal: topic.is_internal,
            refusal: check(topic.error_code, None).err(),
            partitions,
        }
    }
}

impl From<MetadataResponsePartition> for Partition {
    fn from(partition: MetadataResponsePartition) -> Self {
        let ids = |brokers: Vec<BrokerId>| brokers.into_iter().map(|id| id.0).collect();
        Self {
            index: partition.partition_index,
            leader: Some(partition.leader_id.0).filter(|id| *id >= 0),
            leader_epoch: partition.leader_epoch,
            replicas: ids(partition.replica_nodes),
            isr: ids(partition.isr_nodes),
            offline: ids(partition.offline_replicas),
            error: ResponseError::try_from_code(partition.error_code),
        }
    }
}
