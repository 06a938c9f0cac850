//! Points in time as people write them, to Kafka's milliseconds since 1970 and back.

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, TimeZone, Utc};

/// What [`parse_time`] takes, for the verbs' help.
pub(crate) const TIME_HELP: &str = "a time (`2026-01-31`, `2026-01-31T12:00:00Z`; local without a \
     zone), milliseconds since 1970, or an age (`90s`, `15m`, `2h`, `7d`)";

/// A value parser for a time: see [`TIME_HELP`].
pub(crate) fn parse_time(text: &str) -> Result<i64, String> {
    parse_time_at(text, Utc::now()).ok_or_else(|| format!("expected {TIME_HELP}"))
}

fn parse_time_at(text: &str, now: DateTime<Utc>) -> Option<i64> {
    if let Ok(ms) = text.parse::<i64>() {
        return Some(ms);
    }
    if let Some(age) = parse_age(text) {
        return Some(now.checked_sub_signed(age)?.timestamp_millis());
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_millis());
    }
    let day = |text: &str| text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0);
    let minute = |format| NaiveDateTime::parse_from_str(text, format).ok();
    let wall_clock = day(text)
        .or_else(|| minute("%Y-%m-%dT%H:%M:%S%.f"))
        .or_else(|| minute("%Y-%m-%d %H:%M:%S%.f"))
        .or_else(|| minute("%Y-%m-%dT%H:%M"))
        .or_else(|| minute("%Y-%m-%d %H:%M"))?;
    let local = Local.from_local_datetime(&wall_clock).earliest()?;
    Some(local.timestamp_millis())
}

fn parse_age(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok().filter(|n| *n >= 0)?;
    match unit {
        's' => TimeDelta::try_seconds(count),
        'm' => TimeDelta::try_minutes(count),
        'h' => TimeDelta::try_hours(count),
        'd' => TimeDelta::try_days(count),
        _ => None,
    }
}

/// `2026-01-31T12:00:00.000Z`, or the bare number if no calendar holds it.
pub(crate) fn time_text(timestamp_ms: i64) -> String {
    DateTime::from_timestamp_millis(timestamp_ms).map_or_else(
        || timestamp_ms.to_string(),
        |time| time.to_rfc3339_opts(SecondsFormat::Millis, true),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_numbers_or_ages() {
        let now = DateTime::from_timestamp_millis(1_000_000_000).unwrap();
        let at = |text| parse_time_at(text, now);
        assert_eq!(at("1700000000000"), Some(1_700_000_000_000));
        assert_eq!(at("10s"), Some(1_000_000_000 - 10_000));
        assert_eq!(at("2h"), Some(1_000_000_000 - 7_200_000));
        assert_eq!(at("1970-01-01T00:00:01Z"), Some(1_000));
        assert_eq!(at("1970-01-01T01:00:01+01:00"), Some(1_000));
        assert!(at("2026-01-31 12:00").is_some());
        assert_eq!(at("yesterday"), None);
        assert_eq!(at("-5m"), None);
        assert_eq!(at("99999999999999999d"), None);
        assert_eq!(at(""), None);
    }

    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(time_text(1_000), "1970-01-01T00:00:01.000Z");
        assert_eq!(time_text(i64::MAX), i64::MAX.to_string());
    }
}
