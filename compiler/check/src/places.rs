//! Which fields share a word.
//!
//! As few words as possible, and then as equal ones as possible: the explorer keeps every word that occurs once, and of
//! equal words with fields that belong together, which are side by side here, fewest are different.

/// Words among which bits are spread evenly, at most.
const MOST_EVEN: usize = 256;

/// The word of each field, given its bits: at most 64.
pub(crate) fn places(widths: &[u32]) -> Vec<usize> {
    let first = first_fit(widths, u64::BITS);
    let words = count(&first);
    let even = widths.iter().sum::<u32>().div_ceil(words.max(1) as u32);
    // Beyond some words a search for the best costs more than it gives.
    let last = if words > MOST_EVEN { 0 } else { u64::BITS };
    let limits = even..=last;
    let fits = |places: &Vec<usize>| count(places) <= words;
    let in_order = limits.clone().map(|limit| next_fit(widths, limit)).find(fits);
    in_order.or_else(|| limits.map(|limit| first_fit(widths, limit)).find(fits)).unwrap_or(first)
}

fn count(places: &[usize]) -> usize {
    places.iter().max().map_or(0, |last| last + 1)
}

/// Every field in the first word that has room for it within so many bits.
fn first_fit(widths: &[u32], limit: u32) -> Vec<usize> {
    let (mut used, mut first_free) = (Vec::<u32>::new(), 0);
    let mut place = |width: &u32| {
        while used.get(first_free).is_some_and(|u| *u >= limit) {
            first_free += 1;
        }
        let fits = |u: &u32| u + width <= limit;
        let word = used[first_free..].iter().position(fits).map_or(used.len(), |w| w + first_free);
        if word == used.len() {
            used.push(0);
        }
        used[word] += width;
        word
    };
    widths.iter().map(&mut place).collect()
}

/// Every field in the word of the one before it, if that has room within so many bits, or in a new one.
fn next_fit(widths: &[u32], limit: u32) -> Vec<usize> {
    let (mut word, mut used) = (0, 0);
    let mut place = |width: &u32| {
        if used > 0 && used + width > limit {
            (word, used) = (word + 1, 0);
        }
        used += width;
        word
    };
    widths.iter().map(&mut place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(widths: &[u32]) -> Vec<u32> {
        let mut bits = Vec::new();
        for (width, word) in widths.iter().zip(places(widths)) {
            bits.resize(bits.len().max(word + 1), 0);
            bits[word] += width;
        }
        bits
    }

    #[test]
    fn words_are_equal_and_fields_in_order() {
        assert_eq!(bits(&[]), [0u32; 0]);
        assert_eq!(bits(&[64]), [64]);
        assert_eq!(bits(&[1; 64]), [64]);
        assert_eq!(bits(&[1; 65]), [33, 32]);
        assert_eq!(bits(&[16, 16, 16, 2, 2, 2, 6, 14, 14, 14]), [52, 50]);
        assert_eq!(places(&[30, 40, 30, 20]), [0, 1, 0, 1], "in order they do not fit into two words");
    }

    #[test]
    fn no_word_is_too_full_and_none_is_wasted() {
        let mut x = 1u64;
        for len in (0..60).chain([400, 3000]) {
            let mut width = || {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                1 + (x >> 33) as u32 % if len % 3 == 0 { 64 } else { 20 }
            };
            let widths: Vec<u32> = (0..len).map(|_| width()).collect();
            let bits = bits(&widths);
            assert!(bits.iter().all(|bits| *bits <= 64), "{bits:?}");
            assert_eq!(bits.len(), count(&first_fit(&widths, 64)));
        }
    }
}
