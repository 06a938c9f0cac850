//! Which partition of `__consumer_offsets` keeps a group.

/// The partition that coordinates `group_id`, of `partition_count`: Java's `String.hashCode` without its sign.
pub fn partition_of_group(group_id: &str, partition_count: i32) -> i32 {
    let hash = group_id.encode_utf16().fold(0i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    // The one negative hash without a positive counterpart counts as zero.
    hash.checked_abs().unwrap_or(0) % partition_count.max(1)
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
