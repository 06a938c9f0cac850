//! A configuration value: parsed from text as Kafka parses it, and written back as Kafka writes it.

use crate::key::{Key, Kind};

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    Int(i32),
    Short(i16),
    Long(i64),
    Double(f64),
    /// A string or a class name.
    Text(String),
    List(Vec<String>),
    Password(String),
}

/// A value that a key refuses. The message is Kafka's, because clients see it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ValueError {
    pub message: String,
}

impl ValueError {
    pub(crate) fn new(message: String) -> Self {
        Self { message }
    }

    pub(crate) fn invalid(key: &Key, value: &Value, message: &str) -> Self {
        Self::new(format!(
            "Invalid value {} for configuration {}: {message}",
            value.to_display(),
            key.name
        ))
    }
}

impl Value {
    /// Parses `text` by the type of `key`; limits are not checked here.
    pub(crate) fn parse(key: &Key, text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        let invalid =
            |message: &str| ValueError::invalid(key, &Self::Text(text.to_owned()), message);
        let not_a_number = || invalid(&format!("Not a number of type {}", key.kind.name()));
        Ok(match key.kind {
            Kind::Boolean if text.eq_ignore_ascii_case("true") => Self::Boolean(true),
            Kind::Boolean if text.eq_ignore_ascii_case("false") => Self::Boolean(false),
            Kind::Boolean => {
                return Err(invalid("Expected value to be either true or false"));
            }
            Kind::Int => Self::Int(text.parse().map_err(|_| not_a_number())?),
            Kind::Short => Self::Short(text.parse().map_err(|_| not_a_number())?),
            Kind::Long => Self::Long(text.parse().map_err(|_| not_a_number())?),
            Kind::Double => Self::Double(text.parse().map_err(|_| not_a_number())?),
            Kind::String | Kind::Class => Self::Text(text.to_owned()),
            Kind::Password => Self::Password(text.to_owned()),
            Kind::List if text.is_empty() => Self::List(Vec::new()),
            Kind::List => Self::List(text.split(',').map(|item| item.trim().to_owned()).collect()),
        })
    }

    /// The text of the value as DescribeConfigs gives it; `None` is null.
    pub fn to_text(&self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Boolean(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Short(value) => value.to_string(),
            Self::Long(value) => value.to_string(),
            Self::Double(value) => java_double(*value),
            Self::Text(value) => value.clone(),
            Self::List(items) => items.join(","),
            Self::Password(_) => "[hidden]".to_owned(),
        })
    }

    /// The value as Kafka's error messages show it.
    fn to_display(&self) -> String {
        match self {
            Self::List(items) => format!("[{}]", items.join(", ")),
            other => other.to_text().unwrap_or_else(|| "null".to_owned()),
        }
    }

    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(i64::from(*value)),
            Self::Short(value) => Some(i64::from(*value)),
            Self::Long(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Double(value) => Some(*value),
            other => other.as_i64().map(|value| value as f64),
        }
    }
}

/// A double as Java prints it: plain between 10^-3 and 10^7, else with an exponent.
pub(crate) fn java_double(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{value:?}");
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_read_as_in_java() {
        for (value, text) in [
            (0.9, "0.9"),
            (1e9, "1.0E9"),
            (1e7, "1.0E7"),
            (9_999_999.0, "9999999.0"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (f64::MAX, "1.7976931348623157E308"),
            (5.0, "5.0"),
            (123_456_789.5, "1.234567895E8"),
            (0.0, "0.0"),
        ] {
            assert_eq!(java_double(value), text);
        }
    }
}
