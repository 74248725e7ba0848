//! What is outside of a service, as far as its journal tells: what the rows of ghost truth may be.
//!
//! Services do not store ghost truth. What a step does to it follows from the event, unless something happened that nobody heard
//! of (a `ghost pick`): then there are several cases of what some rows are, until a later answer leaves fewer of them. Rows whose
//! cases have to do with each other are kept together.

use arch_runtime::value as rt;
use hashbrown::{Equivalent, HashMap};
use std::collections::{BTreeMap, BTreeSet};

/// A row: its kind among those of ghost truth, and its key.
pub type RowId = (usize, Box<[rt::Value]>);
/// A row, borrowed. It has the hash of a [`RowId`].
#[derive(Hash)]
struct Named<'k>(usize, &'k [rt::Value]);

impl Equivalent<RowId> for Named<'_> {
    fn equivalent(&self, row: &RowId) -> bool {
        self.0 == row.0 && *self.1 == *row.1
    }
}

/// What a row is; none is as it starts.
pub type Row = Option<Vec<rt::Value>>;
/// One case of what some rows are.
pub type Case = BTreeMap<RowId, Row>;

/// The most cases of rows that belong together, and of those that one event touches.
const MOST_CASES: usize = 64;

/// The rows of ghost truth.
#[derive(Debug, Default)]
pub struct Ghosts {
    /// Rows of which it is known what they are; those that are nowhere are as they start.
    known: HashMap<RowId, Row>,
    /// Cases of rows that belong together.
    open: HashMap<u64, Vec<Case>>,
    /// Where the cases of a row are.
    at: HashMap<RowId, u64>,
    next: u64,
}

impl Ghosts {
    /// A row, in one of the cases.
    pub fn row(&self, kind: usize, key: &[rt::Value], case: &Case) -> Option<&[rt::Value]> {
        if self.known.is_empty() && self.open.is_empty() {
            return None;
        }
        let row = Named(kind, key);
        let found = match self.at.get_key_value(&row) {
            Some((row, _)) => self.guessed(row, case),
            None => self.known.get(&row),
        };
        found.and_then(Option::as_deref)
    }

    /// The first case stands in where none is given.
    fn guessed<'g>(&'g self, row: &RowId, case: &Case) -> Option<&'g Row> {
        let cases = &self.open[&self.at[row]];
        let same = |c: &&Case| case.get(row).is_none_or(|value| c[row] == *value);
        cases.iter().find(same).map(|c| &c[row])
    }

    /// Whether there is one case only.
    pub fn are_certain(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether there is no doubt about any of these rows.
    pub fn are_known(&self, rows: &[(RowId, Row)]) -> bool {
        rows.iter().all(|(row, _)| !self.at.contains_key(row))
    }

    /// From now on rows of which there is no doubt are this.
    pub fn write(&mut self, rows: Vec<(RowId, Row)>) {
        rows.into_iter().for_each(|(row, value)| self.know(row, value));
    }

    /// The cases that rows can be in, together with all that belongs to them; none if they are too many.
    pub fn cases(&self, rows: &[RowId]) -> Option<Vec<Case>> {
        let mut all = vec![Case::new()];
        for id in self.clusters(rows) {
            let cases = &self.open[&id];
            if all.len() * cases.len() > MOST_CASES {
                return None;
            }
            let both = |a: &Case, b: &Case| a.iter().chain(b).map(|(k, v)| (k.clone(), v.clone())).collect();
            all = all.iter().flat_map(|a| cases.iter().map(move |b| both(a, b))).collect();
        }
        Some(all)
    }

    fn clusters<'r>(&self, rows: impl IntoIterator<Item = &'r RowId>) -> BTreeSet<u64> {
        rows.into_iter().filter_map(|row| self.at.get(row).copied()).collect()
    }

    /// Whether a case says what all of these rows are.
    pub fn covers(&self, case: &Case, rows: &[RowId]) -> bool {
        rows.iter().all(|row| case.contains_key(row) || !self.at.contains_key(row))
    }

    /// From now on it is one of these cases; false if they are too many to be kept.
    pub fn settle(&mut self, mut cases: Vec<Case>) -> bool {
        let rows: BTreeSet<RowId> = cases.iter().flat_map(BTreeMap::keys).cloned().collect();
        for row in &rows {
            let known = self.known.get(row).cloned().flatten();
            cases.iter_mut().for_each(|case| _ = case.entry(row.clone()).or_insert_with(|| known.clone()));
        }
        cases.sort();
        cases.dedup();
        for id in self.clusters(&rows) {
            self.open.remove(&id);
        }
        for row in rows {
            self.at.remove(&row);
            if cases.iter().all(|case| case[&row] == cases[0][&row]) {
                let value = cases[0][&row].clone();
                cases.iter_mut().for_each(|case| _ = case.remove(&row));
                self.know(row, value);
            }
        }
        self.keep(cases)
    }

    fn know(&mut self, row: RowId, value: Row) {
        match value {
            None => _ = self.known.remove(&row),
            value => _ = self.known.insert(row, value),
        }
    }

    fn keep(&mut self, cases: Vec<Case>) -> bool {
        let Some(first) = cases.first().filter(|case| !case.is_empty()) else { return true };
        for row in first.keys() {
            self.known.remove(row);
            self.at.insert(row.clone(), self.next);
        }
        let fits = cases.len() <= MOST_CASES;
        self.open.insert(self.next, cases);
        self.next += 1;
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arch_runtime::value::Value;

    fn id(kind: usize, key: &str) -> RowId {
        (kind, Box::new([Value::id(key)]))
    }

    /// What a provider remembers of a workflow, and how often it charged.
    fn case(workflow: &str, remembers: Option<&str>, charged: i64) -> Case {
        let said = remembers.map(|word| vec![Value::Enum(word.into())]);
        Case::from([(id(0, workflow), said), (id(1, workflow), Some(vec![Value::Int(charged)]))])
    }

    /// It was never asked, it refused, it charged: nobody heard of it.
    fn unheard(ghosts: &mut Ghosts, workflow: &str) {
        let all = [(None, 0), (Some("DECLINED"), 0), (Some("CHARGED"), 1)];
        assert!(ghosts.settle(all.map(|(said, charged)| case(workflow, said, charged)).into()));
    }

    #[test]
    fn cases_are_kept_together_until_an_answer_rules_them_out() {
        let mut ghosts = Ghosts::default();
        unheard(&mut ghosts, "w");
        let (provider, world) = (id(0, "w"), id(1, "w"));
        // Whoever asks about one of the rows hears of both.
        let all = ghosts.cases(std::slice::from_ref(&world)).expect("few");
        assert_eq!(all.len(), 3);
        assert!(all.contains(&case("w", None, 0)) && all.contains(&case("w", Some("CHARGED"), 1)));
        for case in &all {
            assert_eq!(ghosts.row(0, &provider.1, case), case[&provider].as_deref());
            assert_eq!(ghosts.row(1, &world.1, case), case[&world].as_deref());
        }
        assert!(ghosts.settle(vec![case("w", Some("CHARGED"), 1)]));
        assert_eq!(ghosts.cases(&[provider, world.clone()]), Some(vec![Case::new()]));
        assert_eq!(ghosts.row(1, &world.1, &Case::new()), Some(&[Value::Int(1)][..]));
    }

    #[test]
    fn only_rows_without_doubt_are_written() {
        let mut ghosts = Ghosts::default();
        ghosts.write(vec![(id(1, "v"), Some(vec![Value::Int(2)]))]);
        assert!(ghosts.are_certain());
        assert_eq!(ghosts.row(1, &id(1, "v").1, &Case::new()), Some(&[Value::Int(2)][..]));
        unheard(&mut ghosts, "w");
        assert!(!ghosts.are_certain());
        assert!(!ghosts.are_known(&[(id(1, "v"), None), (id(1, "w"), None)]), "of w there are three cases");
        assert!(ghosts.are_known(&[(id(1, "v"), None)]));
        ghosts.write(vec![(id(1, "v"), None)]);
        assert_eq!(ghosts.row(1, &id(1, "v").1, &Case::new()), None);
    }

    #[test]
    fn rows_that_all_cases_agree_on_are_known() {
        let mut ghosts = Ghosts::default();
        assert!(ghosts.settle(vec![case("w", None, 0), case("w", Some("DECLINED"), 0)]));
        assert_eq!(ghosts.cases(&[id(1, "w")]), Some(vec![Case::new()]));
        assert_eq!(ghosts.cases(&[id(0, "w")]).map(|all| all.len()), Some(2));
    }

    #[test]
    fn cases_of_different_rows_are_combined_up_to_a_limit() {
        let mut ghosts = Ghosts::default();
        let rows: Vec<RowId> = ["u", "v", "w", "x"].map(|w| id(0, w)).into();
        ["u", "v", "w", "x"].iter().for_each(|w| unheard(&mut ghosts, w));
        assert_eq!(ghosts.cases(&rows[..2]).map(|all| all.len()), Some(9));
        assert_eq!(ghosts.cases(&rows), None, "81 are too many");
        let one = &ghosts.cases(&rows[..1]).expect("few")[0];
        assert!(ghosts.covers(one, &rows[..1]) && !ghosts.covers(one, &rows[..2]));
        assert!(ghosts.covers(one, &[id(0, "y")]), "of y it is known that nothing happened");
        let many = (0..=MOST_CASES).map(|n| case("z", None, n as i64));
        assert!(!ghosts.settle(many.collect()));
    }
}
