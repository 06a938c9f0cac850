//! Which partition of `__consumer_offsets` keeps a group.

/// The partition that coordinates `group_id`, of `partition_count`: its hash without the sign.
pub fn partition_of_group(group_id: &str, partition_count: i32) -> i32 {
    // The one negative hash without a positive counterpart counts as zero.
    java_hash(group_id).checked_abs().unwrap_or(0) % partition_count.max(1)
}

/// Java's `String.hashCode`.
pub(crate) fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

#[cfg(test)]
mod tests {
    use super::partition_of_group;

    #[test]
    fn agrees_with_java() {
        for (group, partition) in [
            ("", 0),
            ("test", 48),
            ("console-consumer-1", 24),
            ("größe-😀", 21),
            ("polygenelubricants", 0), // hashes to i32::MIN
        ] {
            assert_eq!(partition_of_group(group, 50), partition, "{group}");
        }
    }
}
