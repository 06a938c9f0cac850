//! The reference page of all keys, in Markdown.

use std::fmt::Write;

use crate::inert::{INERT, is_inert};
use crate::key::{Importance, Key, UpdateMode};
use crate::keys::{BROKER_TABLES, CLIENT_METRICS_KEYS, GROUP_KEYS, TOPIC_KEYS};
use crate::synonyms::{group_fallback, topic_fallbacks};

const INTRODUCTION: &str = "\
# Configuration reference

Written by `cargo test -p config` from the tables in `crates/config/src/keys`; not by hand.

The keys are Kafka's, with Kafka's types, defaults and limits. *Change* says how a broker key may
change while the broker runs: for one broker, for one or all (*cluster*), or only by a restart.
Topic, group and subscription keys may always change. **Inert** keys are accepted, checked and
described, but have no effect yet; the last chapter says why.

";

/// The page as it is checked in.
pub fn reference_markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("## Broker\n");
    for (title, keys) in BROKER_TABLES {
        write_table(&mut page, &format!("### {title}"), keys, update_mode_text);
    }
    write_table(&mut page, "## Topic", TOPIC_KEYS, fallback_text);
    write_table(&mut page, "## Group", GROUP_KEYS, group_fallback_text);
    write_table(
        &mut page,
        "## Client metrics subscription",
        CLIENT_METRICS_KEYS,
        |_| String::new(),
    );
    write_reasons(&mut page);
    page
}

fn write_reasons(page: &mut String) {
    page.push_str("\n## Why keys are inert\n\n| Reason | Keys |\n|---|---|\n");
    for group in INERT {
        let keys = group.keys.iter().map(|key| format!("`{key}`"));
        let keys = keys.collect::<Vec<_>>().join(", ");
        let _ = writeln!(page, "| {} | {keys} |", group.reason);
    }
}

fn write_table(page: &mut String, title: &str, keys: &[Key], extra: impl Fn(&Key) -> String) {
    let extra_title = match title {
        "## Topic" | "## Group" => "Broker's key",
        _ if title.starts_with("###") => "Change",
        _ => "",
    };
    let _ = write!(
        page,
        "\n{title}\n\n| Key | Type | Default | Values | Importance | {extra_title} | Meaning |\n\
         |---|---|---|---|---|---|---|\n"
    );
    for key in keys.iter().filter(|key| !key.is_internal) {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {} | {}{} |",
            key.name,
            key.kind.name().to_ascii_lowercase(),
            default_text(key),
            key.validator.describe(),
            importance_text(key.importance),
            extra(key),
            if is_inert(key.name) {
                "**Inert.** "
            } else {
                ""
            },
            key.documentation,
        );
    }
}

fn default_text(key: &Key) -> String {
    match key.default {
        Some("") => "empty".to_owned(),
        Some(text) => format!("`{text}`"),
        None if key.is_required => "required".to_owned(),
        None => "unset".to_owned(),
    }
}

fn importance_text(importance: Importance) -> &'static str {
    match importance {
        Importance::High => "high",
        Importance::Medium => "medium",
        Importance::Low => "low",
    }
}

fn update_mode_text(key: &Key) -> String {
    match key.update_mode {
        UpdateMode::ReadOnly => "restart".to_owned(),
        UpdateMode::PerBroker => "broker".to_owned(),
        UpdateMode::ClusterWide => "cluster".to_owned(),
    }
}

fn group_fallback_text(key: &Key) -> String {
    group_fallback(key.name)
        .map(|key| format!("`{}`", key.name))
        .unwrap_or_default()
}

fn fallback_text(key: &Key) -> String {
    let names = topic_fallbacks(key.name)
        .iter()
        .map(|fallback| format!("`{}`", fallback.key));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set `UPDATE_REFERENCE=1` to rewrite the page.
    #[test]
    fn the_checked_in_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/REFERENCE.md");
        let page = reference_markdown();
        if std::env::var_os("UPDATE_REFERENCE").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let checked_in = std::fs::read_to_string(path).unwrap();
        assert!(
            checked_in == page,
            "REFERENCE.md is out of date: run UPDATE_REFERENCE=1 cargo test -p config"
        );
    }
}
