//! Machine code and the interpreter: the same events in the same order, the same findings, the same coverage.

#[allow(dead_code, reason = "the generator has more than is used here")]
#[path = "../../check/tests/common/random.rs"]
mod random;

use arch_check::code::Emitter;
use arch_check::native::Notes;
use arch_check::plan::{Action, Graph, Group, Id, Judge, Op, Outcome, Plan};
use arch_check::{Machine, Scratch};
use arch_explorer::{Successors, System};
use std::collections::BTreeSet;

/// States of a program that are compared.
const STATES: usize = 300;

/// Compares both on the first states of a program; how many states those were.
fn compare(interpreted: &Machine, compiled: &Machine) -> usize {
    assert!(compiled.warm_up(), "{}: no machine code", interpreted.program().name);
    let (mut mine, mut theirs) = (interpreted.scratch(), compiled.scratch());
    let (mut open, mut seen) = (Vec::new(), BTreeSet::new());
    interpreted.initial(&mut |state| {
        open.push(state.to_vec());
        open.len() < STATES
    });
    while let Some(state) = open.pop() {
        if seen.len() > STATES || !seen.insert(state.clone()) {
            continue;
        }
        let expected = interpreted.successors(&state, &mut mine);
        let found = compiled.successors(&state, &mut theirs);
        same(interpreted, &state, &expected, &found);
        same_judgement(interpreted, compiled, &state, (&mut mine, &mut theirs));
        let words = state.len().max(1);
        open.extend(expected.states().chunks_exact(words).map(<[u64]>::to_vec));
    }
    let none = vec![0; interpreted.actions()];
    let (mine, theirs) = ([mine], [theirs]);
    let coverage = (interpreted.coverage(&mine, &none), interpreted.cut_spans(&mine));
    assert_eq!(coverage, (compiled.coverage(&theirs, &none), compiled.cut_spans(&theirs)));
    seen.len()
}

fn same(machine: &Machine, state: &[u64], expected: &Successors, found: &Successors) {
    let name = &machine.program().name;
    let actions: Vec<_> = expected.actions().iter().map(|a| machine.event(*a, state)).collect();
    assert_eq!(found.actions(), expected.actions(), "{name}: actions in {state:?}, of which {actions:?}");
    assert_eq!(found.states(), expected.states(), "{name}: successors of {state:?}");
    assert_eq!(found.actions_nowhere(), expected.actions_nowhere(), "{name}: events that lead nowhere");
    assert_eq!(found.found(), expected.found(), "{name}: findings in {state:?}");
}

fn same_judgement(
    interpreted: &Machine,
    compiled: &Machine,
    state: &[u64],
    (mine, theirs): (&mut Scratch, &mut Scratch),
) {
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    interpreted.judge(state, mine, &mut expected);
    compiled.judge(state, theirs, &mut found);
    assert_eq!(found, expected, "{}: judgement of {state:?}", interpreted.program().name);
}

#[test]
fn random_programs_do_the_same() {
    if !arch_jit::SUPPORTED {
        return;
    }
    let (mut programs, mut states) = (0, 0);
    for seed in random::seeds() {
        let program = random::program(seed);
        if arch_ir::validate::validate(&program).is_err() {
            continue;
        }
        let (Ok(interpreted), Ok(compiled)) = (Machine::compile(&program), Machine::compile(&program)) else {
            continue;
        };
        if interpreted.actions() > 1000 {
            continue;
        }
        states += compare(&interpreted, &compiled.with_native(arch_jit::compile));
        programs += 1;
    }
    println!("{programs} programs, {states} states");
    assert!(states > 10 * programs, "{states} states of {programs} programs");
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 ^ self.0 >> 29
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 20) % n
    }

    /// Numbers of all sizes, often small, often at a limit.
    fn number(&mut self) -> u64 {
        match self.below(5) {
            0 => self.below(70),
            1 => self.next() >> self.below(64),
            2 => (i64::MIN as u64).wrapping_add(self.below(3)),
            3 => u64::MAX - self.below(3),
            _ => self.next(),
        }
    }
}

const WORDS: usize = 3;

/// A graph with every operation.
fn graph(random: &mut Random) -> (Graph, Vec<Id>) {
    let mut g = Graph::default();
    let mut nodes: Vec<Id> = (0..WORDS as u32).map(|w| g.word(w, 64)).collect();
    for i in 0..90 {
        let mut pick = || nodes[random.below(nodes.len() as u64) as usize];
        let (a, b, c) = (pick(), pick(), pick());
        let (by, constant) = (random.below(64) as u32, random.number());
        nodes.push(match i % 23 {
            0 => g.add(a, b),
            1 => g.sub(a, b),
            2 => g.mul(a, b),
            3 => g.plain(Op::AddSat(a, b)),
            4 => g.plain(Op::SubSat(a, b)),
            5 => g.plain(Op::MulSat(a, b)),
            6 => g.plain(Op::Mod(a, b)),
            7 => g.rem(a, constant.max(1)),
            8 => g.min(a, b),
            9 => g.max(a, b),
            10 => g.eq(a, b),
            11 => g.lt(a, b),
            12 => g.le(a, b),
            13 => g.and(a, b),
            14 => g.or(a, b),
            15 => g.shl(a, by),
            16 => g.shr(a, by),
            17 => g.select(a, b, c),
            18 => g.bit(a),
            19 => g.count(a),
            20 => {
                let equal = g.eq(a, b);
                g.not(equal)
            }
            21 => g.masked(a, constant, constant & random.next()),
            _ => g.int(constant),
        });
    }
    (g, nodes)
}

/// A plan whose actions lead to the values of nodes.
fn plan(graph: Graph, nodes: &[Id]) -> Plan {
    let actions = nodes.chunks_exact(WORDS).map(|chunk| Action {
        base: Vec::new(),
        guard: Vec::new(),
        refused: None,
        rest: Vec::new(),
        cuts: Vec::new(),
        live: Vec::new(),
        bounds: Vec::new(),
        claims: Vec::new(),
        exceeding: Vec::new(),
        outcome: Outcome::Words(chunk.iter().enumerate().map(|(w, id)| (w as u32, *id)).collect()),
    });
    let actions: Vec<Action> = actions.collect();
    let groups = vec![Group { conditions: Vec::new(), actions: 0..actions.len() as u32 }];
    let judge = Judge { violated: nodes.iter().zip(0..).map(|(id, f)| (*id, f)).collect(), hits: Vec::new() };
    Plan { graph, words: WORDS as u32, actions, groups, judge, tick: None, steps: 0, cuts: 0 }
}

fn interpreted(plan: &Plan, nodes: &[Id], state: &[u64]) -> Vec<u64> {
    let mut emitter = Emitter::new(&plan.graph, WORDS);
    let places: Vec<u32> = nodes.iter().map(|id| emitter.value(*id)).collect();
    let end = emitter.here();
    let code = emitter.finish();
    let mut values = code.values();
    values[..WORDS].copy_from_slice(state);
    code.run(&(0..end), &mut values).expect("nothing is asserted");
    places.into_iter().map(|p| values[p as usize]).collect()
}

#[test]
fn every_operation_does_the_same() {
    if !arch_jit::SUPPORTED {
        return;
    }
    for seed in 0..40 {
        let mut random = Random(seed);
        let (graph, nodes) = graph(&mut random);
        let plan = plan(graph, &nodes);
        let native = arch_jit::compile(&plan).expect("machine code");
        for _ in 0..20 {
            let state: Vec<u64> = (0..WORDS).map(|_| random.number()).collect();
            let expected = interpreted(&plan, &nodes, &state);
            let whole = nodes.len() / WORDS;
            let mut out = Successors::new(WORDS, whole);
            let count = native.expand(&state, out.room(), &mut Notes::new(&plan));
            out.commit(count);
            assert_eq!(out.states(), &expected[..whole * WORDS], "seed {seed}, {state:?}");
            let mut found = vec![0; nodes.len() + 1];
            let count = native.judge(&state, &mut found).expect("a judge");
            let zeros = expected.iter().zip(0u32..).filter(|(value, _)| **value == 0).map(|(_, f)| f);
            assert_eq!(found[..count], zeros.collect::<Vec<_>>(), "seed {seed}, {state:?}");
        }
    }
}
