//! Failures, told to a person: what went wrong, and what to do about it.

use std::io::ErrorKind;
use std::process::ExitCode;

use broker::RunError;
use client::{ClientError, Refusal, kafka_name};
use config::ConfigError;
use kafka_protocol::ResponseError;

/// A command line that parses and still makes no sense, or a wrong configuration. Ends the process
/// with 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// A failure that knows what to do about it. Ends the process with 1.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Advised {
    pub(crate) what: String,
    pub(crate) advice: &'static str,
}

/// Some of several failed, and each has been told already. Ends the process with 1.
#[derive(Debug, thiserror::Error)]
#[error("some failed")]
pub(crate) struct SomeFailed;

/// Prints a failure with its advice and gives the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if reader_is_gone(error) {
        return ExitCode::SUCCESS;
    }
    if error.is::<SomeFailed>() {
        return ExitCode::FAILURE;
    }
    eprintln!("error: {}", told_once(error));
    if let Some(advice) = advice(error) {
        eprintln!("hint: {advice}");
    }
    match error.is::<UsageError>() || error.is::<ConfigError>() {
        true => ExitCode::from(2),
        false => ExitCode::FAILURE,
    }
}

/// An error with its causes, leaving out those that the text before has told already.
pub(crate) fn told_once(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text += ": ";
            text += &cause;
        }
    }
    text
}

/// Kafka's name for what a broker has refused, if that is what went wrong.
pub(crate) fn refusal_name(error: &anyhow::Error) -> Option<String> {
    client_error(error)?.refusal().map(kafka_name)
}

fn client_error(error: &anyhow::Error) -> Option<&ClientError> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

/// `tidelog consume … | head` is not a failure.
fn reader_is_gone(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
    causes.any(|cause: &std::io::Error| cause.kind() == ErrorKind::BrokenPipe)
}

/// What to do about a failure, where there is something to do.
pub(crate) fn advice(error: &anyhow::Error) -> Option<&'static str> {
    if error.is::<UsageError>() {
        return Some("see `tidelog help` and the verb's own --help for what it takes");
    }
    if error.is::<ConfigError>() {
        return Some(
            "the keys are Kafka's broker settings; `tidelog config get broker ID --all --docs` \
             explains each",
        );
    }
    if let Some(error) = error.downcast_ref::<RunError>() {
        return advice_on_start(error);
    }
    if let Some(advised) = error.downcast_ref::<Advised>() {
        return Some(advised.advice);
    }
    match client_error(error)? {
        ClientError::Connect { .. } => Some(
            "is a broker running there? Start one with `tidelog serve`, or name another with \
             --bootstrap HOST:PORT",
        ),
        ClientError::Timeout { .. } => Some("the broker is slow or stuck; --timeout waits longer"),
        ClientError::NotServed { .. } | ClientError::NoCommonVersion { .. } => {
            Some("this broker is too old or too new for this verb")
        }
        ClientError::Closed { .. } => Some(
            "does that address speak Kafka's protocol in plaintext, and is the broker still up?",
        ),
        ClientError::NoSuchBroker(_) => Some("`tidelog cluster status` lists the brokers"),
        ClientError::Refused(refusal) if is_read_only(refusal) => Some(
            "that one stands in the broker's configuration file, or in `tidelog serve --set`: change \
             it there and start the broker again",
        ),
        other => advice_on_refusal(other.refusal()?),
    }
}

/// Whether a setting was refused because it cannot change while the broker runs; only Kafka's words
/// say so.
fn is_read_only(refusal: &Refusal) -> bool {
    let message = refusal.message.as_deref().unwrap_or_default();
    refusal.error == ResponseError::InvalidRequest && message.contains("dynamically")
}

/// What to do when a broker cannot start.
fn advice_on_start(error: &RunError) -> Option<&'static str> {
    match error {
        RunError::Listen { .. } => Some(
            "is another broker running there? Stop it, or choose another address with --listen \
             HOST:PORT",
        ),
        RunError::Logs(_) => Some("--data-dir DIR, or `log.dirs`, names another directory"),
        _ => None,
    }
}

/// What to do about an error code, where there is something to do.
fn advice_on_refusal(error: ResponseError) -> Option<&'static str> {
    Some(match error {
        ResponseError::UnknownTopicOrPartition => {
            "`tidelog topic list` shows the topics and how many partitions each has; `tidelog topic \
             create` makes one"
        }
        ResponseError::TopicAlreadyExists => "--if-not-exists accepts a topic that is there",
        ResponseError::InvalidTopicException => {
            "a topic's name has up to 249 letters, digits, dots, underscores and dashes"
        }
        ResponseError::InvalidGroupId => "a group's name cannot be empty",
        ResponseError::InvalidReplicationFactor => {
            "a topic cannot have more replicas than there are brokers (`tidelog cluster status`)"
        }
        ResponseError::InvalidPartitions => "partitions can be added and never taken away",
        ResponseError::InvalidConfig => {
            "`tidelog config get topic NAME --all --docs` explains every key (`config get broker ID` \
             those of a broker)"
        }
        ResponseError::GroupIdNotFound => "`tidelog group list` shows the groups",
        ResponseError::NonEmptyGroup
        | ResponseError::UnknownMemberId
        | ResponseError::GroupSubscribedToTopic => {
            "the group has live members: stop its consumers first"
        }
        ResponseError::NotEnoughReplicas | ResponseError::NotEnoughReplicasAfterAppend => {
            "too few replicas are in sync for acks=all; `tidelog topic describe` shows them"
        }
        ResponseError::LeaderNotAvailable => {
            "the partition has no leader: `tidelog cluster status` shows which brokers are up"
        }
        ResponseError::MessageTooLarge => {
            "the topic's max.message.bytes is the limit: `tidelog config get topic NAME --all`"
        }
        ResponseError::TopicAuthorizationFailed
        | ResponseError::GroupAuthorizationFailed
        | ResponseError::ClusterAuthorizationFailed => "this user may not do that here",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let cause = || std::io::Error::other("disk full");
        let error = anyhow::Error::from(cause()).context("cannot write a: disk full");
        assert_eq!(told_once(&error), "cannot write a: disk full");
        let error = anyhow::Error::from(cause()).context("cannot write a");
        assert_eq!(told_once(&error), "cannot write a: disk full");
    }

    #[test]
    fn a_closed_pipe_is_no_failure_and_a_wrong_command_line_is_one_of_its_own() {
        let pipe = std::io::Error::from(ErrorKind::BrokenPipe);
        assert_eq!(report(&pipe.into()), ExitCode::SUCCESS);
        let usage = UsageError("wrong".to_owned());
        assert_eq!(report(&usage.into()), ExitCode::from(2));
        assert_eq!(report(&SomeFailed.into()), ExitCode::FAILURE);
        let other = anyhow::Error::msg("other");
        assert_eq!(report(&other), ExitCode::FAILURE);
    }
}
