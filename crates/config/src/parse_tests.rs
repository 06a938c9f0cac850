//! Whatever text a key is given, it is parsed or refused; what was parsed reads back as itself.

use proptest::prelude::*;

use crate::{Key, TOPIC_KEYS, Value, broker_keys, parse_properties, parse_toml};

fn any_key() -> impl Strategy<Value = &'static Key> {
    let keys: Vec<_> = broker_keys().chain(TOPIC_KEYS).collect();
    prop::sample::select(keys)
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        "[a-z0-9:@,* ]{0,12}",
        Just("true".to_owned()),
        Just("by_duration:PT1H".to_owned()),
    ]
}

proptest! {
    #[test]
    fn a_parsed_value_reads_back(key in any_key(), text in any_text()) {
        if let Ok(value) = key.parse(Some(&text))
            && !matches!(value, Value::Password(_))
        {
            let written = value.to_text().unwrap();
            let again = key.parse(Some(&written)).unwrap();
            prop_assert!(again == value || text.contains("NaN"), "{} {:?}", key.name, text);
        }
    }

    #[test]
    fn no_text_breaks_the_file_parsers(text in any::<String>()) {
        let _ = parse_properties(&text);
        let _ = parse_toml(&text);
    }

    #[test]
    fn escaped_entries_are_read_back(key in "[a-z.]{1,9}", value in "[^\u{0}-\u{1f}]{0,20}") {
        let escaped: String = value
            .chars()
            .flat_map(|c| matches!(c, '\\' | ' ').then_some('\\').into_iter().chain([c]))
            .collect();
        let properties = parse_properties(&format!("{key}={escaped}\n")).unwrap();
        prop_assert_eq!(properties.get(&key), Some(&value));
    }
}
