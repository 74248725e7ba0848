//! The smallest set of assumptions under which no fair behaviour stays in a region.
//!
//! Every set of assumptions that suffices has to exclude every behaviour that stays. So each behaviour found
//! under a set that does not suffice gives a *clause*: the assumptions of which at least one is needed. A smallest set
//! that meets all clauses is tried next; the first one that suffices is a smallest one overall (implicit
//! hitting sets: Reiter, Artificial Intelligence 32, 1987; Moreno-Centeno and Karp, Operations Research 61, 2013).

/// Sets that are tried before a smallest one is given up.
const ROUNDS: usize = 64;

/// Partial sets that are looked at to meet the clauses of one round.
const BRANCHES: u32 = 1 << 16;

/// The levels at which an assumption can be made: 0 (not at all) up to its own highest.
pub type Levels = Vec<u8>;

/// What an assumption has to be raised to: its number and the level.
pub type Clause = Vec<(usize, u8)>;

/// What becomes of levels that are tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trial {
    /// No fair behaviour stays.
    Suffices,
    /// One does; what would exclude it.
    Stays(Clause),
    /// Nobody knows, and nothing more is to be tried.
    Unknown,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Smallest {
    /// No set with fewer assumptions suffices, and none with as many and a lower sum of levels.
    Exact(Levels),
    /// These suffice, and there may be fewer that do.
    Sufficient(Levels),
}

/// Looks for a smallest set, given that the `highest` levels suffice.
pub fn smallest(highest: &[u8], check: &mut dyn FnMut(&[u8]) -> Trial) -> Smallest {
    let mut clauses: Vec<Clause> = Vec::new();
    for _ in 0..ROUNDS {
        let Some(levels) = Hitting::of(&clauses, highest.len()) else { break };
        match check(&levels) {
            Trial::Suffices => return Smallest::Exact(levels),
            Trial::Stays(clause) if clause.is_empty() => break,
            Trial::Stays(clause) => clauses.push(clause),
            Trial::Unknown => return Smallest::Sufficient(highest.to_vec()),
        }
    }
    Smallest::Sufficient(lowered(highest, check))
}

/// Lowers what can be lowered, one after the other.
fn lowered(highest: &[u8], check: &mut dyn FnMut(&[u8]) -> Trial) -> Levels {
    let mut levels = highest.to_vec();
    for i in 0..levels.len() {
        let was = std::mem::take(&mut levels[i]);
        while levels[i] < was && check(&levels) != Trial::Suffices {
            levels[i] += 1;
        }
    }
    levels
}

/// A search for the cheapest levels that meet all clauses.
struct Hitting<'c> {
    clauses: &'c [Clause],
    best: Option<(u32, Levels)>,
    branches: u32,
}

impl Hitting<'_> {
    fn of(clauses: &[Clause], count: usize) -> Option<Levels> {
        let mut search = Hitting { clauses, best: None, branches: 0 };
        search.branch(&mut vec![0; count]);
        if search.branches >= BRANCHES {
            return None;
        }
        search.best.map(|(_, levels)| levels)
    }

    fn branch(&mut self, levels: &mut Levels) {
        self.branches += 1;
        let cost = cost(levels);
        if self.branches >= BRANCHES || self.best.as_ref().is_some_and(|(best, _)| cost >= *best) {
            return;
        }
        let unmet = |c: &&Clause| !c.iter().any(|(i, level)| levels[*i] >= *level);
        let Some(clause) = self.clauses.iter().filter(unmet).min_by_key(|c| c.len()) else {
            self.best = Some((cost, levels.clone()));
            return;
        };
        for (i, level) in clause {
            let was = std::mem::replace(&mut levels[*i], *level);
            self.branch(levels);
            levels[*i] = was;
        }
    }
}

/// Fewer assumptions first, then lower levels.
fn cost(levels: &[u8]) -> u32 {
    let made = levels.iter().filter(|l| **l > 0).count() as u32;
    made * 1024 + levels.iter().map(|l| u32::from(*l)).sum::<u32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What suffices is anything that meets all of some clauses.
    fn oracle(clauses: &[Clause]) -> impl FnMut(&[u8]) -> Trial {
        let clauses = clauses.to_vec();
        move |levels| {
            let unmet = clauses.iter().find(|c| !c.iter().any(|(i, l)| levels[*i] >= *l));
            unmet.map_or(Trial::Suffices, |c| Trial::Stays(c.clone()))
        }
    }

    #[test]
    fn who_gives_up_keeps_what_suffices() {
        assert_eq!(smallest(&[2, 1], &mut |_| Trial::Unknown), Smallest::Sufficient(vec![2, 1]));
    }

    #[test]
    fn the_smallest_set_is_found_where_greed_is_misled() {
        // Dropping 0 first leaves 1 and 2, which are both needed then.
        let clauses = vec![vec![(0, 1), (1, 1)], vec![(0, 1), (2, 1)]];
        assert_eq!(smallest(&[1, 1, 1], &mut oracle(&clauses)), Smallest::Exact(vec![1, 0, 0]));
        assert_eq!(lowered(&[1, 1, 1], &mut oracle(&clauses)), vec![0, 1, 1]);
    }

    #[test]
    fn weak_is_preferred_to_strong() {
        let clauses = vec![vec![(0, 1)], vec![(0, 2), (1, 1)]];
        assert_eq!(smallest(&[2, 1], &mut oracle(&clauses)), Smallest::Exact(vec![2, 0]));
        let clauses = vec![vec![(0, 1)]];
        assert_eq!(smallest(&[2, 1], &mut oracle(&clauses)), Smallest::Exact(vec![1, 0]));
        assert_eq!(smallest(&[2, 1], &mut |_| Trial::Suffices), Smallest::Exact(vec![0, 0]));
    }
}
