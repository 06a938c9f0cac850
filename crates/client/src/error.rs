//! What can go wrong between a client and a broker, and what a broker may refuse.

use std::fmt;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::StrBytes;

/// A call that has no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("cannot connect to {address}: {reason}")]
    Connect { address: String, reason: String },
    #[error("the connection to {address} closed before it answered {api:?}: {reason}")]
    Closed {
        address: String,
        api: ApiKey,
        reason: String,
    },
    #[error("{address} did not answer {api:?} within {timeout_ms} ms")]
    Timeout {
        address: String,
        api: ApiKey,
        timeout_ms: u128,
    },
    #[error("{address} does not serve {api:?}")]
    NotServed { address: String, api: ApiKey },
    #[error("{address} serves {api:?} in versions {served}, this client speaks {spoken}")]
    NoCommonVersion {
        address: String,
        api: ApiKey,
        served: String,
        spoken: String,
    },
    #[error("cannot encode {api:?} version {version}: {reason}")]
    Encode {
        api: ApiKey,
        version: i16,
        reason: String,
    },
    #[error("cannot decode the answer of {address} to {api:?} version {version}: {reason}")]
    Decode {
        address: String,
        api: ApiKey,
        version: i16,
        reason: String,
    },
    #[error("the cluster has no broker {0}")]
    NoSuchBroker(i32),
    #[error("the group's members do not understand each other: {0}")]
    ConsumerProtocol(String),
    #[error("partition {topic}-{index}: {}", kafka_name(*error))]
    Partition {
        topic: String,
        index: i32,
        error: ResponseError,
    },
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl ClientError {
    /// Whether the broker could not be reached or went silent. What a request was to do may or may
    /// not have been done.
    pub fn is_disconnect(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::Closed { .. } | Self::Timeout { .. }
        )
    }

    /// The error code in the server's answer, if it was the server that said no.
    pub fn refusal(&self) -> Option<ResponseError> {
        match self {
            Self::Refused(refusal) => Some(refusal.error),
            Self::Partition { error, .. } => Some(*error),
            _ => None,
        }
    }
}

/// An error code in an answer, with the server's own words where it has any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub error: ResponseError,
    pub message: Option<String>,
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = kafka_name(self.error);
        match &self.message {
            Some(message) => write!(out, "{name}: {}", message.trim_end_matches('.')),
            None => out.write_str(&name),
        }
    }
}

/// Turns the pair of error code and message found all over the protocol into a result.
pub fn check(error_code: i16, message: Option<&StrBytes>) -> Result<(), Refusal> {
    match ResponseError::try_from_code(error_code) {
        None => Ok(()),
        Some(error) => Err(Refusal {
            error,
            message: message
                .filter(|text| !text.is_empty())
                .map(|text| text.to_string()),
        }),
    }
}

/// `UNKNOWN_TOPIC_OR_PARTITION`, as Kafka's documentation and tools name a code.
pub fn kafka_name(error: ResponseError) -> String {
    if let ResponseError::Unknown(code) = error {
        return format!("error code {code}");
    }
    let mut name = String::new();
    for letter in error.to_string().chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_carries_kafkas_name_and_the_servers_words() {
        let words = StrBytes::from_static_str("Topic 'a' already exists.");
        let refusal = check(36, Some(&words)).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "TOPIC_ALREADY_EXISTS: Topic 'a' already exists"
        );
        assert_eq!(
            check(3, None).unwrap_err().to_string(),
            "UNKNOWN_TOPIC_OR_PARTITION"
        );
        assert_eq!(check(0, Some(&words)), Ok(()));
        assert_eq!(
            check(9999, None).unwrap_err().to_string(),
            "error code 9999"
        );
    }
}
