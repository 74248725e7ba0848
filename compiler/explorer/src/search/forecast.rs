//! How many more states a search is likely to find: a table that grows to that at once moves less often, and is not half empty
//! in the end.
//!
//! The sizes of levels rise and fall like a bell: the ratio of each to the one before falls about as much from level to level. Levels
//! are often large and small in turns, so what is looked at are two levels together. It is a guess, and nothing rests on it.

/// Levels that are looked at in advance.
const FAR: usize = 64;

/// How much of a level has to be expanded before what it leads to says how large the next one will be.
const PART: u64 = 4;

/// How many more states than those found so far are likely, but no more than `most`. `levels`: how many states each level has, the last one
/// being expanded, of which so many are `expanded` and led to so many that were `found`.
pub(super) fn forecast(levels: &[u64], expanded: u64, found: u64, most: u64) -> u64 {
    let [.., a, b, c, d] = levels else { return most };
    let [a, b, c, d] = [*a, *b, *c, *d].map(|size| size as f64);
    let next = found as f64 / expanded as f64 * d;
    // Ratios of levels that are two apart belong to the middle between these.
    let known = expanded.saturating_mul(PART) >= d as u64;
    let (before, now, mut size) = if known { (d / b, next / c, next) } else { (c / a, d / b, d) };
    let falls = (now / before).sqrt().clamp(0.5, 1.0);
    let mut ratio = (now * falls).sqrt();
    let mut more = if known { next } else { 0.0 } - found as f64;
    for _ in 0..FAR {
        ratio *= falls;
        size *= ratio;
        more += size;
    }
    // What is not a number is 0.
    most.min(more as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Levels of searches of two-phase commit, dining philosophers and leases with fencing tokens.
    const SEARCHES: [&[u64]; 3] = [
        &[
            1, 17, 136, 688, 2500, 7056, 16408, 32972, 59254, 96816, 143840, 192656, 230412, 244342, 228712,
            188304, 135833, 85377, 46392, 21560, 8456, 2758, 736, 156, 24, 2,
        ],
        &[
            1, 16, 136, 784, 3380, 11440, 31240, 69872, 128898, 196240, 245224, 248464, 199852, 123248,
            54920, 15792, 2207,
        ],
        &[
            1, 3, 16, 27, 82, 141, 385, 789, 2074, 3933, 9377, 16305, 35463, 56307, 112389, 154821, 281200,
            322860, 527112, 495060, 719262, 545472, 699912, 419502, 472222, 213936, 209745, 65112, 55113,
            8964, 6480,
        ],
    ];

    #[test]
    fn past_their_middle_searches_are_foreseen() {
        for levels in SEARCHES {
            let all: u64 = levels.iter().sum();
            for now in 4..levels.len() - 1 {
                for part in [0, 3, 7] {
                    let [expanded, found] = [levels[now], levels[now + 1]].map(|size| size * part / 8);
                    let known = levels[..=now].iter().sum::<u64>() + found;
                    let foreseen = known + forecast(&levels[..=now], expanded, found, known);
                    assert!((known..=2 * known).contains(&foreseen));
                    if known * 2 > all {
                        let error = foreseen.abs_diff(all) as f64 / all as f64;
                        assert!(error < 0.2, "{foreseen} of {all} at {now}, {part} eighths: {error:.2}");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_is_too_strange_to_be_foreseen() {
        for levels in [&[][..], &[0], &[1, 1], &[0, 0, 0], &[u64::MAX; 3], &[1, 1, u64::MAX], &[9, 9, 0]] {
            for (expanded, found) in [(0, 0), (1, 0), (0, 1), (u64::MAX, u64::MAX)] {
                assert!(forecast(levels, expanded, found, 100) <= 100);
            }
        }
    }
}
