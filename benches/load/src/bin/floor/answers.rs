//! The answers that a client wants before it produces or fetches.

use anyhow::bail;
use bytes::{BufMut, Bytes};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::find_coordinator_response::FindCoordinatorResponse;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, BrokerId, MetadataRequest, MetadataResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use crate::Floor;

const NODE: BrokerId = BrokerId(1);
const UNSUPPORTED_VERSION: i16 = 35;

/// What is served, and in which versions; all but ApiVersions stay below the flexible ones.
const SERVED: [(ApiKey, i16, i16); 5] = [
    (ApiKey::Produce, 3, 7),
    (ApiKey::Fetch, 4, 11),
    (ApiKey::Metadata, 1, 8),
    (ApiKey::FindCoordinator, 0, 0),
    (ApiKey::ApiVersions, 0, 3),
];

pub(crate) fn answer(
    floor: &Floor,
    api: i16,
    version: i16,
    correlation: i32,
    body: &[u8],
) -> anyhow::Result<Vec<u8>> {
    let mut answer = Vec::new();
    answer.put_i32(0);
    answer.put_i32(correlation);
    match ApiKey::try_from(api) {
        Ok(ApiKey::ApiVersions) => api_versions(version, &mut answer)?,
        Ok(ApiKey::Metadata) => {
            let asked = MetadataRequest::decode(&mut Bytes::copy_from_slice(body), version)?;
            metadata(floor, asked).encode(&mut answer, version)?;
        }
        Ok(ApiKey::FindCoordinator) => FindCoordinatorResponse::default()
            .with_node_id(NODE)
            .with_host(host(floor))
            .with_port(i32::from(floor.address.port()))
            .encode(&mut answer, version)?,
        _ => bail!("the floor does not serve API {api}"),
    }
    let size = (answer.len() - 4) as i32;
    if let Some(place) = answer.first_chunk_mut::<4>() {
        *place = size.to_be_bytes();
    }
    Ok(answer)
}

fn api_versions(version: i16, answer: &mut Vec<u8>) -> anyhow::Result<()> {
    let keys = SERVED.map(|(key, min, max)| {
        ApiVersion::default()
            .with_api_key(key as i16)
            .with_min_version(min)
            .with_max_version(max)
    });
    let mut response = ApiVersionsResponse::default().with_api_keys(keys.to_vec());
    if version > 3 {
        response.error_code = UNSUPPORTED_VERSION;
        return response.encode(answer, 0);
    }
    response.encode(answer, version)
}

fn host(floor: &Floor) -> StrBytes {
    StrBytes::from_string(floor.address.ip().to_string())
}

fn metadata(floor: &Floor, asked: MetadataRequest) -> MetadataResponse {
    let partitions: Vec<_> = (0..floor.partitions.count() as i32)
        .map(|number| {
            MetadataResponsePartition::default()
                .with_partition_index(number)
                .with_leader_id(NODE)
                .with_replica_nodes(vec![NODE])
                .with_isr_nodes(vec![NODE])
        })
        .collect();
    let topics = asked
        .topics
        .unwrap_or_default()
        .into_iter()
        .map(|topic| {
            MetadataResponseTopic::default()
                .with_name(topic.name)
                .with_partitions(partitions.clone())
        })
        .collect();
    MetadataResponse::default()
        .with_brokers(vec![
            MetadataResponseBroker::default()
                .with_node_id(NODE)
                .with_host(host(floor))
                .with_port(i32::from(floor.address.port())),
        ])
        .with_controller_id(NODE)
        .with_topics(topics)
}
