//! What a topic may be called.

/// So that a partition's directory, `name-partition` plus a suffix while it is deleted, fits a file
/// name.
const MAX_LENGTH: usize = 249;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTopicName {
    #[error("Topic name is invalid: the empty string is not allowed")]
    Empty,
    #[error("Topic name is invalid: '{0}' is not allowed")]
    Dots(String),
    #[error(
        "Topic name is invalid: the length of '{0}' is longer than the max allowed length {MAX_LENGTH}"
    )]
    TooLong(String),
    #[error(
        "Topic name is invalid: '{0}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    )]
    IllegalCharacter(String),
}

pub fn validate_topic_name(name: &str) -> Result<(), InvalidTopicName> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        Err(InvalidTopicName::Empty)
    } else if name == "." || name == ".." {
        Err(InvalidTopicName::Dots(name.to_owned()))
    } else if name.encode_utf16().count() > MAX_LENGTH {
        Err(InvalidTopicName::TooLong(name.to_owned()))
    } else if !name.chars().all(is_legal) {
        Err(InvalidTopicName::IllegalCharacter(name.to_owned()))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_in_kafkas_order() {
        let long = "a".repeat(249);
        for name in ["a", "a.b_c-D9", "...", long.as_str()] {
            assert_eq!(validate_topic_name(name), Ok(()), "{name}");
        }
        assert_eq!(validate_topic_name(""), Err(InvalidTopicName::Empty));
        assert_eq!(
            validate_topic_name(".."),
            Err(InvalidTopicName::Dots("..".into()))
        );
        let too_long = "ä".repeat(250);
        assert_eq!(
            validate_topic_name(&too_long),
            Err(InvalidTopicName::TooLong(too_long.clone()))
        );
        for name in ["a b", "ä", "a/b", "a\0"] {
            let refused = InvalidTopicName::IllegalCharacter(name.into());
            assert_eq!(validate_topic_name(name), Err(refused));
        }
    }
}
