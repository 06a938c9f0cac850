//! What became of each of several things: a line each for people, one document for scripts.

use serde::Serialize;

use crate::hint::{SomeFailed, advice, refusal_name, told_once};
use crate::output::{OutputArgs, View};

/// What was done to one thing, or why it was not.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    kind: &'static str,
    name: String,
    /// What was done, or `failed`.
    outcome: String,
    /// Kafka's name for the error, if it was the broker that said no.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip)]
    advice: Option<&'static str>,
}

impl Outcome {
    fn failed(kind: &'static str, name: &str, error: &anyhow::Error) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            outcome: "failed".to_owned(),
            error: refusal_name(error),
            message: Some(told_once(error)),
            advice: advice(error),
        }
    }

    fn is_failure(&self) -> bool {
        self.message.is_some()
    }
}

/// What became of all that a verb was to change.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Outcomes(Vec<Outcome>);

impl Outcomes {
    pub(crate) fn add(
        &mut self,
        kind: &'static str,
        name: &str,
        done: Result<impl Into<String>, impl Into<anyhow::Error>>,
    ) {
        self.0.push(match done {
            Ok(outcome) => Outcome {
                kind,
                name: name.to_owned(),
                outcome: outcome.into(),
                error: None,
                message: None,
                advice: None,
            },
            Err(error) => Outcome::failed(kind, name, &error.into()),
        });
    }

    /// Shows all of them, and fails if any did.
    pub(crate) fn finish(self, output: &OutputArgs) -> anyhow::Result<()> {
        output.show(&self)?;
        tell_failures(self.0.iter().filter(|outcome| outcome.is_failure()))
    }
}

impl View for Outcomes {
    /// What went wrong is told on stderr.
    fn text(&self) -> String {
        let done = self.0.iter().filter(|outcome| !outcome.is_failure());
        done.map(|done| format!("{} {}: {}\n", done.kind, done.name, done.outcome))
            .collect()
    }
}

/// Of several things that were asked for, those that were found and what went wrong with the others.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Findings<T>(Vec<Finding<T>>);

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Finding<T> {
    Found(T),
    Failed(Outcome),
}

impl<T> Default for Findings<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: View> Findings<T> {
    pub(crate) fn add(&mut self, kind: &'static str, name: &str, found: anyhow::Result<T>) {
        self.0.push(match found {
            Ok(found) => Finding::Found(found),
            Err(error) => Finding::Failed(Outcome::failed(kind, name, &error)),
        });
    }

    /// Shows all of them, and fails if any did.
    pub(crate) fn finish(self, output: &OutputArgs) -> anyhow::Result<()> {
        output.show(&self)?;
        tell_failures(self.0.iter().filter_map(|finding| match finding {
            Finding::Found(_) => None,
            Finding::Failed(outcome) => Some(outcome),
        }))
    }
}

impl<T: View> View for Findings<T> {
    fn text(&self) -> String {
        let found = self.0.iter().filter_map(|finding| match finding {
            Finding::Found(found) => Some(found.text().trim_end().to_owned()),
            Finding::Failed(_) => None,
        });
        found.collect::<Vec<String>>().join("\n\n")
    }
}

/// Each failure, and after them what to do about them, once.
fn tell_failures<'a>(failed: impl Iterator<Item = &'a Outcome>) -> anyhow::Result<()> {
    let mut told = Vec::new();
    let mut advice = Vec::new();
    for Outcome {
        kind,
        name,
        message,
        advice: advised,
        ..
    } in failed
    {
        let message = message.as_deref().unwrap_or_default();
        told.push(format!("error: {kind} {name}: {message}"));
        if !advised.is_none_or(|advised| advice.contains(&advised)) {
            advice.extend(*advised);
        }
    }
    for line in &told {
        eprintln!("{line}");
    }
    for line in advice {
        eprintln!("hint: {line}");
    }
    match told.is_empty() {
        true => Ok(()),
        false => Err(SomeFailed.into()),
    }
}

#[cfg(test)]
mod tests {
    use client::{ClientError, Refusal};
    use kafka_protocol::ResponseError;

    use super::*;

    fn outcomes() -> Outcomes {
        let refusal = Refusal {
            error: ResponseError::TopicAlreadyExists,
            message: Some("Topic 'b' already exists.".to_owned()),
        };
        let mut outcomes = Outcomes::default();
        outcomes.add("topic", "a", Ok::<_, ClientError>("created"));
        outcomes.add("topic", "b", Err::<&str, _>(ClientError::from(refusal)));
        outcomes
    }

    #[test]
    fn people_are_told_what_was_done_and_scripts_everything() {
        assert_eq!(outcomes().text(), "topic a: created\n");
        assert_eq!(
            serde_json::to_value(outcomes()).unwrap(),
            serde_json::json!([
                {"kind": "topic", "name": "a", "outcome": "created"},
                {"kind": "topic", "name": "b", "outcome": "failed", "error": "TOPIC_ALREADY_EXISTS",
                 "message": "TOPIC_ALREADY_EXISTS: Topic 'b' already exists"},
            ])
        );
    }

    #[test]
    fn one_failure_among_several_fails_the_whole() {
        assert!(tell_failures(outcomes().0.iter().take(1).filter(|o| o.is_failure())).is_ok());
        assert!(tell_failures(outcomes().0.iter().filter(|o| o.is_failure())).is_err());
    }
}
