//! Which known name a misspelled one was probably meant to be.

/// Returns the known name nearest to `given`, if it is near enough to be a typing error.
pub(super) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_ascii_lowercase().replace('_', "-");
    let given = plain(given);
    known
        .into_iter()
        .map(|name| (distance(&given, &plain(name)), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The number of letters to insert, delete or exchange to turn one text into the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    // One row of the usual table is enough: a field needs the one above it, the one before it, and
    // the one above that, which is kept as the diagonal.
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, other) in right.iter().enumerate() {
            let exchanged = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = exchanged.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_what_was_meant_and_strangers_find_nothing() {
        let known = ["http", "grpc", "data-dir", "presence-grace"];
        assert_eq!(nearest("htpp", known), Some("http"));
        assert_eq!(nearest("data_dir", known), Some("data-dir"));
        assert_eq!(nearest("PRESENCE_GRASE", known), Some("presence-grace"));
        assert_eq!(nearest("colour", known), None);
    }
}
