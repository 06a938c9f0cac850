//! UpdateFeatures, versions 0 to 2 (KIP-584).

use std::sync::Arc;

use controller::decide;
use kafka_protocol::messages::UpdateFeaturesResponse;
use wire::request::UpdateFeaturesRequest;

use super::Call;

pub(crate) async fn update(
    call: Arc<Call>,
    request: UpdateFeaturesRequest,
) -> UpdateFeaturesResponse {
    let (config, version) = (call.broker.config(), call.version());
    let answer = call
        .broker
        .controller
        .decide(move |image, _| decide::update_features(image, &config, &request, version));
    answer.await.unwrap_or_else(|error| {
        UpdateFeaturesResponse::default()
            .with_error_code(error.code())
            .with_error_message(None)
    })
}
