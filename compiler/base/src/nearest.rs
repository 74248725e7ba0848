//! The nearest declared name, for "did you mean".

/// Up to three of `candidates` that a reader could have meant by `name`, nearest first.
///
/// Nearness is the optimal string alignment distance (insert, delete, substitute, swap neighbours) on
/// lower-cased text; a candidate counts when the distance is at most a third of the longer name, or
/// when one name is a `_`-separated part of the other (`version` for `local_version`).
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter(|c| *c != name)
        .filter_map(|c| score(name, c).map(|s| (s, c)))
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(3).map(|(_, c)| c).collect()
}

fn score(name: &str, candidate: &str) -> Option<usize> {
    let a = name.to_lowercase();
    let b = candidate.to_lowercase();
    let longest = a.chars().count().max(b.chars().count());
    let distance = alignment_distance(&a, &b);
    if distance <= longest.div_ceil(3) {
        return Some(distance);
    }
    let part = |whole: &str, word: &str| word.len() > 2 && whole.split('_').any(|p| p == word);
    (part(&a, &b) || part(&b, &a)).then_some(distance)
}

/// Optimal string alignment distance; see Boytsov, "Indexing methods for approximate dictionary
/// searching", 2011, section 2.
fn alignment_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substitute = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitute.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_typos_swaps_and_parts() {
        let names = ["owner_id", "expiry_at", "version", "current"];
        assert_eq!(nearest("onwer_id", names), ["owner_id"]);
        assert_eq!(nearest("expires_at", names), ["expiry_at"]);
        assert_eq!(nearest("local_version", names), ["version"]);
        assert!(nearest("zzz", names).is_empty());
    }
}
