//! Fair components and lassos on graphs with known answers, and on random ones against a brute-force search that
//! shares nothing with the library: it tries every set of states and edges that a behaviour could visit for ever.

use arch_explorer::fair::{Component, Labelled, Reached, Search, UNLABELLED, Unit, Units, lasso};

/// A graph from its edges: source, target, label (negative: none).
fn graph(states: u32, edges: &[(u32, u32, i32)]) -> Labelled {
    let mut graph = Labelled::default();
    for state in 0..states {
        for (_, target, label) in edges.iter().filter(|(source, _, _)| *source == state) {
            graph.push(*target, u32::try_from(*label).unwrap_or(UNLABELLED));
        }
        graph.close();
    }
    graph
}

fn weak(label: u32) -> Unit {
    Unit { labels: vec![label], strong: false }
}

fn strong(label: u32) -> Unit {
    Unit { labels: vec![label], strong: true }
}

fn fair(graph: &Labelled, list: &[Unit], inside: &[u32]) -> Vec<Vec<u32>> {
    let units = Units::new(list.to_vec(), 8);
    let mut found: Vec<Vec<u32>> = Vec::new();
    Search::new(graph, &units).fair(inside, &vec![true; list.len()], &mut |c: Component| {
        found.push(c.states);
        true
    });
    found.sort();
    found
}

#[test]
fn a_state_where_nothing_is_due_is_fair_and_others_are_left() {
    let g = graph(2, &[(0, 1, 0)]);
    assert_eq!(fair(&g, &[], &[0, 1]), [vec![0], vec![1]]);
    assert_eq!(fair(&g, &[weak(0)], &[0, 1]), [vec![1]]);
    assert_eq!(fair(&g, &[weak(0)], &[0]), Vec::<Vec<u32>>::new());
    // Its own state as the target: enabled, and nowhere to go.
    let g = graph(1, &[(0, 0, 0)]);
    assert_eq!(fair(&g, &[weak(0)], &[0]), Vec::<Vec<u32>>::new());
}

#[test]
fn enabledness_lost_inside_a_cycle_is_enough_for_weak_fairness_only() {
    // 0 ⇄ 1 with label 1; label 0 leads out of 0 only.
    let g = graph(3, &[(0, 1, 1), (1, 0, 1), (0, 2, 0)]);
    assert_eq!(fair(&g, &[weak(0), weak(1)], &[0, 1]), [vec![0, 1]]);
    assert_eq!(fair(&g, &[strong(0), weak(1)], &[0, 1]), Vec::<Vec<u32>>::new());
    // Enabled in both: weak fairness is enough.
    let g = graph(3, &[(0, 1, 1), (1, 0, 1), (0, 2, 0), (1, 2, 0)]);
    assert_eq!(fair(&g, &[weak(0), weak(1)], &[0, 1]), Vec::<Vec<u32>>::new());
}

#[test]
fn removing_what_a_strong_unit_forbids_leaves_a_nested_component() {
    // 0 ⇄ 1 ⇄ 2 ; 0 enables the strong unit 0, which leads out.
    let edges = [(0, 1, 1), (1, 0, 2), (1, 2, 1), (2, 1, 1), (0, 3, 0)];
    let g = graph(4, &edges);
    assert_eq!(fair(&g, &[strong(0)], &[0, 1, 2]), [vec![1, 2]]);
    // 1 enables label 2, which is taken nowhere in what is left.
    assert_eq!(fair(&g, &[strong(0), strong(2)], &[0, 1, 2]), [vec![2]]);
    assert_eq!(fair(&g, &[strong(0), strong(2), weak(1)], &[0, 1, 2]), Vec::<Vec<u32>>::new());
}

/// A generator of random numbers: Marsaglia's xorshift.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 20) % u64::from(n)) as u32
    }
}

struct Case {
    states: u32,
    edges: Vec<(u32, u32, i32)>,
    units: Vec<Unit>,
    inside: Vec<u32>,
}

const LABELS: u32 = 4;

fn random(numbers: &mut Numbers) -> Case {
    let states = 1 + numbers.below(6);
    let edges = (0..numbers.below(11))
        .map(|_| (numbers.below(states), numbers.below(states), numbers.below(LABELS + 1) as i32 - 1))
        .collect();
    let units = (0..numbers.below(5))
        .map(|_| {
            let mut labels: Vec<u32> = (0..1 + numbers.below(2)).map(|_| numbers.below(LABELS)).collect();
            labels.sort_unstable();
            labels.dedup();
            Unit { labels, strong: numbers.below(2) == 0 }
        })
        .collect();
    let inside = (0..states).filter(|_| numbers.below(5) > 0).collect();
    Case { states, edges, units, inside }
}

impl Case {
    fn enabled(&self, unit: &Unit, state: u32) -> bool {
        self.edges
            .iter()
            .any(|(s, _, l)| *s == state && u32::try_from(*l).is_ok_and(|l| unit.labels.contains(&l)))
    }

    /// Whether a behaviour that visits exactly these states and takes exactly these edges for ever is fair.
    fn is_fair(&self, states: &[u32], edges: &[(u32, u32, i32)]) -> bool {
        self.units.iter().all(|unit| {
            let taken =
                edges.iter().any(|(_, _, l)| u32::try_from(*l).is_ok_and(|l| unit.labels.contains(&l)));
            let enabled = states.iter().filter(|s| self.enabled(unit, **s)).count();
            taken || if unit.strong { enabled == 0 } else { enabled < states.len() }
        })
    }

    /// Every state of a set reaches every other by the edges.
    fn connected(states: &[u32], edges: &[(u32, u32, i32)]) -> bool {
        states.iter().all(|from| {
            let mut seen = vec![*from];
            while let Some((_, t, _)) = edges.iter().find(|(s, t, _)| seen.contains(s) && !seen.contains(t)) {
                seen.push(*t);
            }
            states.iter().all(|s| seen.contains(s))
        })
    }

    /// All sets of states in which a fair behaviour can stay, visiting all of them for ever.
    fn brute(&self) -> Vec<Vec<u32>> {
        let mut found = Vec::new();
        for set in 1u32..1 << self.inside.len() {
            let states: Vec<u32> =
                self.inside.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, s)| *s).collect();
            let inner: Vec<_> = self
                .edges
                .iter()
                .copied()
                .filter(|(s, t, _)| s != t && states.contains(s) && states.contains(t))
                .collect();
            let fair = (0u32..1 << inner.len()).any(|chosen| {
                let edges: Vec<_> =
                    inner.iter().enumerate().filter(|(i, _)| chosen >> i & 1 == 1).map(|(_, e)| *e).collect();
                Case::connected(&states, &edges) && self.is_fair(&states, &edges)
            });
            if fair {
                found.push(states);
            }
        }
        found
    }
}

#[test]
fn random_graphs_agree_with_trying_everything() {
    let mut numbers = Numbers(0x1234_5678_9ABC_DEF1);
    let (mut some, mut none, mut split) = (0, 0, 0);
    for _ in 0..4_000 {
        let case = random(&mut numbers);
        let graph = graph(case.states, &case.edges);
        let found = fair(&graph, &case.units, &case.inside);
        let all = case.brute();
        // The components are the greatest of all sets.
        let greatest: Vec<Vec<u32>> = all
            .iter()
            .filter(|a| !all.iter().any(|b| b != *a && a.iter().all(|s| b.contains(s))))
            .cloned()
            .collect();
        let mut greatest = greatest;
        greatest.sort();
        assert_eq!(found, greatest, "{:?} {:?} {:?}", case.edges, case.units, case.inside);
        some += usize::from(!found.is_empty());
        none += usize::from(found.is_empty());
        split += usize::from(found.iter().any(|c| c.len() > 1));
        check_lasso(&case, &graph, &found);
    }
    assert!(some > 500 && none > 500 && split > 200, "{some} {none} {split}");
}

/// A lasso is a real one, and its cycle is fair.
fn check_lasso(case: &Case, graph: &Labelled, found: &[Vec<u32>]) {
    let units = Units::new(case.units.clone(), 8);
    let active = vec![true; case.units.len()];
    let is_inside = |s: u32| case.inside.contains(&s);
    let starts: Vec<(u32, u32)> = case.inside.iter().take(1).map(|s| (*s, 3)).collect();
    let reached = Reached::from(graph, &starts, is_inside);
    let components: Vec<Component> = found
        .iter()
        .filter(|c| reached.states.contains(&c[0]))
        .map(|c| Component { states: c.clone() })
        .collect();
    let lasso = lasso::short(graph, &units, &active, &reached, &components);
    assert_eq!(lasso.is_some(), !components.is_empty());
    let Some(lasso) = lasso else { return };
    let mut at = lasso.start;
    let follow = |at: &mut u32, edge: &u64| {
        assert!(graph.row(*at).contains(edge));
        let from = *at;
        *at = graph.target(*edge);
        assert!(is_inside(from) && is_inside(*at) && from != *at);
        (from, *at, if graph.label(*edge) == UNLABELLED { -1 } else { graph.label(*edge) as i32 })
    };
    lasso.path.iter().for_each(|e| _ = follow(&mut at, e));
    assert_eq!(reached.distance(at), 3 + lasso.path.len() as u32);
    let end = at;
    let taken: Vec<_> = lasso.cycle.iter().map(|e| follow(&mut at, e)).collect();
    assert_eq!(at, end, "the cycle comes back");
    let mut states: Vec<u32> = taken.iter().map(|e| e.0).chain([end]).collect();
    states.sort_unstable();
    states.dedup();
    let nearest = states.iter().map(|s| reached.distance(*s)).min();
    assert_eq!(nearest, Some(reached.distance(end)), "the cycle begins where it is nearest");
    assert!(case.is_fair(&states, &taken), "{:?} {:?} {lasso:?}", case.edges, case.units);
}
