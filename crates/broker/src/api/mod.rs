//! The one table from API keys to handlers. A handler translates: it decodes nothing, authorizes and stores through `ops`,
//! and answers with the newest response, which `wire` brings down to the version asked for.

mod api_versions;
mod cluster;
mod configs;
mod delete_records;
mod elections;
mod features;
mod fetch;
mod fetch_answer;
mod fetch_session;
mod find_coordinator;
mod group_admin;
mod groups;
mod leader_epochs;
mod list_offsets;
mod log_dirs;
mod metadata;
mod mutations;
mod offsets;
mod partitions;
mod produce;
mod produce_answer;
mod producers;
mod quorum;
mod reassignments;
mod topic_partitions;
mod topics;

use std::borrow::Cow;
use std::fmt::Display;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::timeout;
use wire::response::Response;
use wire::{ApiKey, Message, RequestHeader};

pub(crate) use fetch_session::FetchSessions;

use crate::broker::Broker;
use crate::limits::SHARE_HELD;
use crate::net::connection::{Peer, Refusal};
use crate::net::{Frame, Reply};

/// What a handler knows beside the request itself.
pub(crate) struct Call {
    pub(crate) broker: Arc<Broker>,
    pub(crate) peer: Arc<Peer>,
    pub(crate) header: RequestHeader,
}

impl Call {
    pub(crate) fn version(&self) -> i16 {
        self.header.api_version
    }

    pub(crate) fn client_id(&self) -> &str {
        self.header.client_id.as_deref().unwrap_or_default()
    }

    /// What a reply that may be missing makes of the request.
    pub(crate) fn answered(&self, reply: Option<Reply>) -> Begun {
        reply.map_or_else(|| self.refuse("unencodable response"), Begun::Answered)
    }

    /// Ends the connection.
    pub(crate) fn refuse(&self, why: impl Display) -> Begun {
        let (api, version) = (self.header.api_key, self.version());
        Begun::Refused(Refusal {
            client_id: self.header.logged_client_id().map(str::to_owned),
            reason: format!("{api} version {version}: {why}"),
        })
    }

    /// The answer's bytes; `None`, and a line in the log, if our own response cannot be encoded, which is a bug.
    pub(crate) fn encode(&self, response: impl Response) -> Option<Reply> {
        match wire::response::encode_response(self.version(), self.header.correlation_id, response)
        {
            Ok(bytes) => Some(bytes.into()),
            Err(error) => {
                tracing::error!(api = %self.header.api_key, version = self.version(), %error, "unencodable response");
                None
            }
        }
    }
}

/// What became of a request that was begun.
pub(crate) enum Begun {
    Answered(Reply),
    Waiting(Waiting),
    /// A disk hangs, and another thread begins the request; nothing of its connection begins before that is done.
    Elsewhere(oneshot::Receiver<Begun>),
    /// The client expects no answer (acks=0).
    Silent,
    /// The connection ends here.
    Refused(Refusal),
}

/// A request whose answer is yet to come; without one the connection ends.
pub(crate) struct Waiting {
    pub(crate) answer: Pin<Box<dyn Future<Output = Option<Reply>> + Send>>,
    pub(crate) may_be_overtaken: bool,
    /// The client may not be left in doubt of what became of it.
    pub(crate) is_owed: bool,
}

impl Waiting {
    pub(crate) fn answered(reply: Reply) -> Self {
        Self {
            answer: Box::pin(std::future::ready(Some(reply))),
            may_be_overtaken: true,
            is_owed: true,
        }
    }

    /// A Fetch that waits for more to come.
    pub(crate) fn for_more(answer: impl Future<Output = Option<Reply>> + Send + 'static) -> Self {
        Self {
            is_owed: false,
            ..Self::parked(answer)
        }
    }

    /// A Produce that waits for its partitions.
    pub(crate) fn parked(answer: impl Future<Output = Option<Reply>> + Send + 'static) -> Self {
        Self {
            answer: Box::pin(answer),
            may_be_overtaken: true,
            is_owed: true,
        }
    }
}

/// Whether a request may be begun while earlier ones of its kind wait, judged by its first bytes.
pub(crate) fn may_be_overtaken(frame: &[u8]) -> bool {
    let key = frame.first_chunk().copied().map(i16::from_be_bytes);
    key == Some(ApiKey::Produce.code()) || key == Some(ApiKey::Fetch.code())
}

/// Begins a request: what it does to the log is done when this returns, only waiting is left.
pub(crate) fn begin(broker: &Arc<Broker>, peer: &Arc<Peer>, frame: Frame) -> Begun {
    let header = match RequestHeader::decode(&frame.bytes) {
        Ok(header) => header,
        Err(error) => {
            return Begun::Refused(Refusal {
                client_id: wire::frame::peek_client_id(&frame.bytes).map(Cow::into_owned),
                reason: error.to_string(),
            });
        }
    };
    let call = Call {
        broker: broker.clone(),
        peer: peer.clone(),
        header,
    };
    match call.header.api_key {
        ApiKey::Produce => produce::begin(call, frame),
        ApiKey::Fetch => fetch::begin(call, frame),
        ApiKey::ApiVersions => api_versions::begin(call, frame),
        ApiKey::Metadata => now(call, frame, metadata::handle),
        ApiKey::ListOffsets => later(call, frame, list_offsets::handle),
        ApiKey::OffsetForLeaderEpoch => now(call, frame, leader_epochs::handle),
        ApiKey::DeleteRecords => later(call, frame, delete_records::handle),
        ApiKey::InitProducerId => later(call, frame, producers::init_producer_id),
        ApiKey::DescribeProducers => now(call, frame, producers::describe),
        ApiKey::DescribeLogDirs => now(call, frame, log_dirs::handle),
        ApiKey::FindCoordinator => now(call, frame, find_coordinator::handle),
        ApiKey::JoinGroup => later(call, frame, groups::join),
        ApiKey::SyncGroup => later(call, frame, groups::sync),
        ApiKey::Heartbeat => later(call, frame, groups::heartbeat),
        ApiKey::LeaveGroup => later(call, frame, groups::leave),
        ApiKey::DescribeGroups => later(call, frame, group_admin::describe),
        ApiKey::ListGroups => later(call, frame, group_admin::list),
        ApiKey::DeleteGroups => later(call, frame, group_admin::delete),
        ApiKey::OffsetCommit => later(call, frame, offsets::commit),
        ApiKey::OffsetFetch => later(call, frame, offsets::fetch),
        ApiKey::OffsetDelete => later(call, frame, offsets::delete),
        ApiKey::CreateTopics => later(call, frame, topics::create),
        ApiKey::DeleteTopics => later(call, frame, topics::delete),
        ApiKey::CreatePartitions => later(call, frame, partitions::create),
        ApiKey::DescribeTopicPartitions => now(call, frame, topic_partitions::describe),
        ApiKey::DescribeCluster => now(call, frame, cluster::describe),
        ApiKey::UnregisterBroker => later(call, frame, cluster::unregister),
        ApiKey::DescribeQuorum => now(call, frame, quorum::describe),
        ApiKey::UpdateFeatures => later(call, frame, features::update),
        ApiKey::ElectLeaders => later(call, frame, elections::handle),
        ApiKey::AlterPartitionReassignments => later(call, frame, reassignments::alter),
        ApiKey::ListPartitionReassignments => now(call, frame, reassignments::list),
        ApiKey::DescribeConfigs => now(call, frame, configs::describe),
        ApiKey::AlterConfigs => later(call, frame, configs::alter),
        ApiKey::IncrementalAlterConfigs => later(call, frame, configs::alter_incrementally),
        ApiKey::ListConfigResources => now(call, frame, configs::list),
        _ => call.refuse("not served"),
    }
}

/// Answers from memory, at once.
fn now<Q: Message, R: Response>(
    call: Call,
    frame: Frame,
    handle: impl FnOnce(&Call, Q) -> R,
) -> Begun {
    match decode(&call, &frame) {
        Ok(request) => {
            let response = handle(&call, request);
            call.answered(call.encode(response))
        }
        Err(refused) => refused,
    }
}

/// Answers when the handler's future resolves; nothing of this connection begins before. Until then the request lives on
/// in another form, and so keeps its share of the budget.
fn later<Q, R, F>(call: Call, frame: Frame, handle: impl FnOnce(Arc<Call>, Q) -> F) -> Begun
where
    Q: Message,
    R: Response + Send,
    F: Future<Output = R> + Send + 'static,
{
    let request = match decode(&call, &frame) {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    let share = (!waits_for_others(call.header.api_key)).then_some(frame.share);
    let call = Arc::new(call);
    let response = handle(call.clone(), request);
    let answer = Box::pin(async move {
        let mut response = pin!(response);
        // What a disk keeps from its answer does not keep others from asking.
        let in_time = timeout(SHARE_HELD, &mut response).await;
        drop(share);
        let response = match in_time {
            Ok(response) => response,
            Err(_) => response.await,
        };
        call.encode(response)
    });
    Begun::Waiting(Waiting {
        answer,
        may_be_overtaken: false,
        is_owed: true,
    })
}

/// Whether an answer waits for what other clients ask, whose requests have to find room meanwhile. These requests become
/// part of their group.
fn waits_for_others(api: ApiKey) -> bool {
    matches!(api, ApiKey::JoinGroup | ApiKey::SyncGroup)
}

fn decode<Q: Message>(call: &Call, frame: &Frame) -> Result<Q, Begun> {
    let body = frame
        .bytes
        .get(call.header.body_offset..)
        .unwrap_or_default();
    Q::decode(body, call.version()).map_err(|error| call.refuse(error))
}
