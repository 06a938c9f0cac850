//! The limits of a key's value, with the messages that Kafka's clients see when one is broken.

use crate::key::Key;
use crate::value::{Value, ValueError, java_double};

#[derive(Clone, Copy, Debug)]
pub enum Validator {
    Any,
    AtLeast(i64),
    Between(i64, i64),
    /// A fraction between the two bounds.
    Within(f64, f64),
    OneOf(&'static [&'static str]),
    OneOfAnyCase(&'static [&'static str]),
    NonEmpty,
    NonNull,
    /// A list without duplicates; no `items` means that any item will do.
    List {
        items: &'static [&'static str],
        may_be_empty: bool,
        may_be_null: bool,
    },
    /// Null or the default: there is no way to load another class.
    KnownClass,
    GzipLevel,
    /// `*`, or a list of `partition:broker`.
    ThrottledReplicas,
    /// A list of `id@host:port`.
    QuorumVoters,
    /// A list of `host:port`.
    HostPorts,
    /// `earliest`, `latest` or `by_duration:` with an ISO 8601 duration.
    ShareOffsetReset,
}

impl Validator {
    pub(crate) fn drops_duplicates(&self) -> bool {
        matches!(self, Self::List { .. })
    }

    pub(crate) fn check(&self, key: &Key, value: &Value) -> Result<(), ValueError> {
        let invalid = |message: String| Err(ValueError::invalid(key, value, &message));
        match self {
            Self::Any => Ok(()),
            Self::AtLeast(min) => check_range(key, value, *min as f64, None),
            Self::Between(min, max) => check_range(key, value, *min as f64, Some(*max as f64)),
            Self::Within(min, max) => check_range(key, value, *min, Some(*max)),
            Self::OneOf(allowed) => match value {
                Value::Text(text) if allowed.contains(&text.as_str()) => Ok(()),
                _ => invalid(format!("String must be one of: {}", allowed.join(", "))),
            },
            Self::OneOfAnyCase(allowed) => match value {
                Value::Text(text) if allowed.iter().any(|a| a.eq_ignore_ascii_case(text)) => Ok(()),
                _ => invalid(format!(
                    "String must be one of (case insensitive): {}",
                    allowed.join(", ")
                )),
            },
            Self::NonEmpty => match value {
                Value::Text(text) if text.is_empty() => {
                    invalid("String must be non-empty".to_owned())
                }
                _ => Ok(()),
            },
            Self::NonNull => match value {
                Value::Null => invalid("entry must be non null".to_owned()),
                _ => Ok(()),
            },
            Self::List {
                items,
                may_be_empty,
                may_be_null,
            } => check_list(key, value, items, *may_be_empty, *may_be_null),
            Self::KnownClass => match value {
                Value::Text(name) if key.default != Some(name) => {
                    invalid(format!("Class {name} could not be found."))
                }
                _ => Ok(()),
            },
            Self::GzipLevel => match value.as_i64() {
                Some(-1 | 1..=9) => Ok(()),
                _ => invalid("Value must be between 1 and 9 or equal to -1".to_owned()),
            },
            Self::ThrottledReplicas => match value {
                Value::List(items) if are_throttled_replicas(items) => Ok(()),
                _ => invalid(format!(
                    "{} must be the literal '*' or a list of replicas in the following format: \
                     [partitionId]:[brokerId],[partitionId]:[brokerId],...",
                    key.name
                )),
            },
            Self::QuorumVoters => check_voters(key, value),
            Self::HostPorts => check_host_ports(key, value),
            Self::ShareOffsetReset => match value {
                Value::Text(text) if is_share_offset_reset(text) => Ok(()),
                _ => invalid(format!(
                    "Invalid value `{}` for configuration {}. The value must be either 'earliest', \
                     'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.",
                    value.to_text().unwrap_or_default(),
                    key.name
                )),
            },
        }
    }

    /// The limits as the reference page shows them.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Any | Self::KnownClass => String::new(),
            Self::AtLeast(min) => format!("at least {min}"),
            Self::Between(min, max) => format!("{min} to {max}"),
            Self::Within(min, max) => format!("{min} to {max}"),
            Self::OneOf(values) | Self::OneOfAnyCase(values) => values.join(", "),
            Self::NonEmpty => "not empty".to_owned(),
            Self::NonNull => "not null".to_owned(),
            Self::List {
                items,
                may_be_empty,
                ..
            } => match (items.is_empty(), may_be_empty) {
                (false, _) => format!("any of {}", items.join(", ")),
                (true, false) => "not empty".to_owned(),
                (true, true) => String::new(),
            },
            Self::GzipLevel => "1 to 9, or -1".to_owned(),
            Self::ThrottledReplicas => "`*` or `partition:broker` pairs".to_owned(),
            Self::QuorumVoters => "`id@host:port` entries".to_owned(),
            Self::HostPorts => "`host:port` entries".to_owned(),
            Self::ShareOffsetReset => "latest, earliest, by_duration:PnDTnHnMn.nS".to_owned(),
        }
    }
}

fn check_range(key: &Key, value: &Value, min: f64, max: Option<f64>) -> Result<(), ValueError> {
    let invalid = |message: String| Err(ValueError::invalid(key, value, &message));
    match (value.as_f64(), max) {
        (None, _) => invalid("Value must be non-null".to_owned()),
        (Some(number), _) if number < min => {
            invalid(format!("Value must be at least {}", bound_text(min)))
        }
        (Some(number), Some(max)) if number > max => {
            invalid(format!("Value must be no more than {}", bound_text(max)))
        }
        _ => Ok(()),
    }
}

/// Kafka declares its bounds as integers wherever they are whole.
fn bound_text(bound: f64) -> String {
    if bound.fract() == 0.0 {
        format!("{bound:.0}")
    } else {
        java_double(bound)
    }
}

fn check_list(
    key: &Key,
    value: &Value,
    allowed: &[&str],
    may_be_empty: bool,
    may_be_null: bool,
) -> Result<(), ValueError> {
    let name = key.name;
    let items = match value {
        Value::List(items) => items,
        _ if may_be_null => return Ok(()),
        _ => {
            return Err(ValueError::new(format!(
                "Configuration '{name}' values must not be null."
            )));
        }
    };
    if items.is_empty() && !may_be_empty {
        let valid = match allowed {
            [] => "any non-empty value".to_owned(),
            allowed => format!("[{}]", allowed.join(", ")),
        };
        return Err(ValueError::new(format!(
            "Configuration '{name}' must not be empty. Valid values include: {valid}"
        )));
    }
    for item in items {
        if item.is_empty() {
            return Err(ValueError::new(format!(
                "Configuration '{name}' values must not be empty."
            )));
        }
        if !allowed.is_empty() && !allowed.contains(&item.as_str()) {
            let item = Value::Text(item.clone());
            let message = format!("String must be one of: {}", allowed.join(", "));
            return Err(ValueError::invalid(key, &item, &message));
        }
    }
    Ok(())
}

fn are_throttled_replicas(items: &[String]) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match items {
        [only] if only == "*" => true,
        items => items.iter().all(|item| {
            item.split_once(':')
                .is_some_and(|(partition, broker)| is_number(partition) && is_number(broker))
        }),
    }
}

fn check_voters(key: &Key, value: &Value) -> Result<(), ValueError> {
    let Value::List(items) = value else {
        return Err(ValueError::invalid(key, value, "entry must be non null"));
    };
    const FORM: &str = "Each entry should be in the form `{id}@{host}:{port}`.";
    for item in items {
        let voter = item
            .split_once('@')
            .filter(|(id, _)| id.parse::<i32>().is_ok());
        match voter {
            None | Some((_, "")) => {
                return Err(ValueError::new(format!(
                    "Invalid configuration value for {}. {FORM}",
                    key.name
                )));
            }
            Some((_, address)) if !is_host_port(address) => {
                return Err(ValueError::new(format!(
                    "Failed to parse host name from entry {item} for the configuration {}. {FORM}",
                    key.name
                )));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn check_host_ports(key: &Key, value: &Value) -> Result<(), ValueError> {
    let Value::List(items) = value else {
        return Err(ValueError::invalid(key, value, "entry must be non null"));
    };
    match items.iter().find(|item| !is_host_port(item)) {
        None => Ok(()),
        Some(item) => Err(ValueError::new(format!(
            "Failed to parse host name from {item} for the configuration {}. \
             Each entry should be in the form \"{{host}}:{{port}}\"",
            key.name
        ))),
    }
}

fn is_host_port(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn is_share_offset_reset(text: &str) -> bool {
    match text.strip_prefix("by_duration:") {
        Some(duration) => is_duration(duration),
        None => matches!(text, "earliest" | "latest"),
    }
}

/// A non-negative ISO 8601 duration of days, hours, minutes and seconds.
fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(['P', 'p']) else {
        return false;
    };
    let (days, time) = match rest.split_once(['T', 't']) {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return false,
        None => (rest, ""),
    };
    !rest.is_empty() && are_amounts(days, "D") && are_amounts(time, "HMS")
}

/// Whether `text` is a run of numbers, each followed by one of `units` in their order.
fn are_amounts(text: &str, units: &str) -> bool {
    let mut rest = text;
    let mut units = units;
    while !rest.is_empty() {
        let Some(end) = rest.find(|c: char| c.is_ascii_alphabetic()) else {
            return false;
        };
        let (number, tail) = rest.split_at(end);
        let mut tail = tail.chars();
        let unit = tail.next().map_or(' ', |c| c.to_ascii_uppercase());
        let Some(position) = units.find(unit) else {
            return false;
        };
        let is_number = !number.is_empty()
            && number
                .bytes()
                .all(|b| b.is_ascii_digit() || (b == b'.' && unit == 'S'));
        if !is_number {
            return false;
        }
        units = units.split_at(position + 1).1;
        rest = tail.as_str();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for good in ["PT1H", "P1D", "P1DT2H3M4.5S", "pt5m"] {
            assert!(is_duration(good), "{good}");
        }
        for bad in [
            "", "P", "PT", "-PT1H", "x", "1H", "PT1", "PTH", "PT1S1H", "P1H", "PT1.5H",
        ] {
            assert!(!is_duration(bad), "{bad}");
        }
    }

    #[test]
    fn throttled_replicas() {
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        assert!(are_throttled_replicas(&[]));
        assert!(are_throttled_replicas(&list("*")));
        assert!(are_throttled_replicas(&list("1:2,3:4")));
        for bad in ["x", "1:2:3", "1:2,*", "1:", ":1"] {
            assert!(!are_throttled_replicas(&list(bad)), "{bad}");
        }
    }
}
