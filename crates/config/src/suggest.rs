//! The nearest right key for a wrong one.

use crate::keys::broker_keys;

/// How alike two names must be to be suggested, from 0 to 1.
const LEAST_SIMILARITY: f64 = 0.85;

pub(crate) fn nearest_broker_key(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase().replace(['_', '-'], ".");
    broker_keys()
        .map(|key| (strsim::jaro_winkler(&name, key.name), key.name))
        .filter(|(similarity, _)| *similarity >= LEAST_SIMILARITY)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_its_key() {
        for (typed, meant) in [
            ("log.dir.s", Some("log.dirs")),
            ("num.partition", Some("num.partitions")),
            ("log_retention_ms", Some("log.retention.ms")),
            ("listners", Some("listeners")),
            ("advertised.listener", Some("advertised.listeners")),
            ("zzz", None),
        ] {
            assert_eq!(nearest_broker_key(typed), meant, "{typed}");
        }
    }
}
