//! DescribeCluster, versions 0 to 2 (KIP-700, KIP-919, KIP-1073), and UnregisterBroker, version 0.

use std::sync::Arc;

use controller::{Image, decide};
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::{BrokerId, DescribeClusterResponse, UnregisterBrokerResponse};
use kafka_protocol::protocol::StrBytes;
use wire::ErrorCode;
use wire::request::{DescribeClusterRequest, UnregisterBrokerRequest};

use super::Call;
use crate::ops::operations;

/// What a client may want to hear of: brokers or controllers.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub(crate) fn describe(call: &Call, request: DescribeClusterRequest) -> DescribeClusterResponse {
    match request.endpoint_type {
        BROKERS => {}
        CONTROLLERS => {
            let text = "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type \
                        CONTROLLER";
            return refused(ErrorCode::MismatchedEndpointType, text.to_owned());
        }
        other => {
            let text = format!("Unsupported endpoint type {other}");
            return refused(ErrorCode::UnsupportedEndpointType, text);
        }
    }
    let image = call.broker.image();
    let operations = match request.include_cluster_authorized_operations {
        true => operations::ON_CLUSTER,
        false => operations::NOT_ASKED,
    };
    DescribeClusterResponse::default()
        .with_error_message(None)
        .with_cluster_id(StrBytes::from_string(image.cluster_id().to_owned()))
        .with_controller_id(BrokerId(call.broker.node_id))
        .with_brokers(brokers(
            &image,
            &call.peer.listener,
            request.include_fenced_brokers,
        ))
        .with_cluster_authorized_operations(operations)
}

fn refused(error: ErrorCode, message: String) -> DescribeClusterResponse {
    DescribeClusterResponse::default()
        .with_error_code(error.code())
        .with_error_message(Some(StrBytes::from_string(message)))
}

fn brokers(image: &Image, listener: &str, with_fenced: bool) -> Vec<DescribeClusterBroker> {
    let shown = image
        .brokers()
        .filter(|broker| with_fenced || !broker.fenced);
    let described = shown.filter_map(|broker| {
        let endpoint = broker.listener(listener)?;
        Some(
            DescribeClusterBroker::default()
                .with_broker_id(BrokerId(broker.id))
                .with_host(StrBytes::from_string(endpoint.host.clone()))
                .with_port(endpoint.port.into())
                .with_rack(broker.rack.clone().map(StrBytes::from_string))
                .with_is_fenced(broker.fenced),
        )
    });
    described.collect()
}

pub(crate) async fn unregister(
    call: Arc<Call>,
    request: UnregisterBrokerRequest,
) -> UnregisterBrokerResponse {
    let config = call.broker.config();
    let answer = call
        .broker
        .controller
        .decide(move |image, _| decide::unregister(image, &config, &request));
    answer.await.unwrap_or_else(|error| {
        UnregisterBrokerResponse::default()
            .with_error_code(error.code())
            .with_error_message(None)
    })
}
