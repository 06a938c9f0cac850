//! Topics come, grow and go.

mod create;
mod delete;
mod grow;

pub use self::create::create_topics;
pub use self::delete::delete_topics;
pub use self::grow::create_partitions;

/// The first occurrences in order, and apart from them the values that occur more than once.
fn without_duplicates<'a, T: Ord>(values: impl Iterator<Item = &'a T>) -> (Vec<&'a T>, Vec<&'a T>) {
    let values: Vec<&T> = values.collect();
    let mut counts = std::collections::BTreeMap::new();
    for value in &values {
        *counts.entry(*value).or_insert(0_usize) += 1;
    }
    let mut duplicates = Vec::new();
    let mut once = Vec::new();
    for value in values {
        match counts.get_mut(value) {
            Some(1) => once.push(value),
            // Reported at its first occurrence, skipped at the others.
            Some(count) if *count > 1 => {
                *count = 0;
                duplicates.push(value);
            }
            _ => {}
        }
    }
    (once, duplicates)
}

#[cfg(test)]
mod tests;
