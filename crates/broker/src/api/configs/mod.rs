//! Configurations. DescribeConfigs, versions 1 to 4 (KIP-133, KIP-226, KIP-569). AlterConfigs, 0 to 2, replaces
//! everything that a resource sets; IncrementalAlterConfigs, 0 and 1 (KIP-339), changes single keys.
//! ListConfigResources, 0 and 1 (KIP-1142).

mod alter;
mod describe;
mod list;
mod loggers;

pub(super) use alter::{alter, alter_incrementally};
pub(super) use describe::describe;
pub(super) use list::list;

use ::config::Properties;
use ::controller::Image;
use ::controller::image::ConfigResource;
use kafka_protocol::protocol::StrBytes;
use wire::ErrorCode;

/// The resource types of these requests.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

/// A refusal of one resource.
#[derive(Clone, Debug, PartialEq)]
struct Fault {
    code: ErrorCode,
    message: String,
}

impl Fault {
    fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }
}

/// What a resource itself sets.
fn stored(image: &Image, resource: &ConfigResource) -> Properties {
    let overrides = image.config(resource).into_iter().flatten();
    overrides
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

fn text(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}
