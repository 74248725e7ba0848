//! What the rules of the graph make of a computation is the same computation.

use super::graph::{Graph, Id};
use crate::code::Emitter;
use crate::symbolic::dag::modulo;

/// The value of a node for some words.
fn value(graph: &Graph, id: Id, words: &[u64]) -> u64 {
    let mut emitter = Emitter::new(graph, words.len());
    let place = emitter.value(id);
    let end = emitter.here();
    let code = emitter.finish();
    let mut values = code.values();
    values[..words.len()].copy_from_slice(words);
    code.run(&(0..end), &mut values).expect("nothing is asserted");
    values[place as usize]
}

/// Whether an assertion of a node passes.
fn passes(graph: &Graph, id: Id, words: &[u64]) -> bool {
    let mut emitter = Emitter::new(graph, words.len());
    emitter.assert(id);
    let end = emitter.here();
    let code = emitter.finish();
    let mut values = code.values();
    values[..words.len()].copy_from_slice(words);
    code.run(&(0..end), &mut values).is_ok()
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
        match self.below(6) {
            0 => self.below(3),
            1 => self.below(70),
            2 => self.next() >> self.below(64),
            3 => (i64::MIN as u64).wrapping_add(self.below(3)),
            4 => u64::MAX - self.below(3),
            _ => self.next(),
        }
    }
}

const WIDTHS: [u32; 3] = [64, 9, 33];

/// Adds one operation on random nodes; the node, and what it has to be for these words.
fn grow(graph: &mut Graph, nodes: &[(Id, Vec<u64>)], random: &mut Random) -> (Id, Vec<u64>) {
    let mut pick = || nodes[random.below(nodes.len() as u64) as usize].clone();
    let ((a, x), (b, y), (c, z)) = (pick(), pick(), pick());
    let (by, constant) = (random.below(64) as u32, random.number());
    let unary = |f: &dyn Fn(u64) -> u64| x.iter().map(|x| f(*x)).collect::<Vec<_>>();
    let binary = |f: &dyn Fn(u64, u64) -> u64| x.iter().zip(&y).map(|(x, y)| f(*x, *y)).collect::<Vec<_>>();
    match random.below(27) {
        0 => (graph.add(a, b), binary(&u64::wrapping_add)),
        1 => (graph.sub(a, b), binary(&u64::wrapping_sub)),
        2 => (graph.mul(a, b), binary(&u64::wrapping_mul)),
        3 => (graph.min(a, b), binary(&|x, y| (x as i64).min(y as i64) as u64)),
        4 => (graph.max(a, b), binary(&|x, y| (x as i64).max(y as i64) as u64)),
        5 => (graph.eq(a, b), binary(&|x, y| u64::from(x == y))),
        6 => (graph.lt(a, b), binary(&|x, y| u64::from((x as i64) < y as i64))),
        7 => (graph.le(a, b), binary(&|x, y| u64::from(x as i64 <= y as i64))),
        8 => (graph.and(a, b), binary(&|x, y| x & y)),
        9 => (graph.or(a, b), binary(&|x, y| x | y)),
        10 => (graph.shl(a, by), unary(&|x| x << by)),
        11 => (graph.shr(a, by), unary(&|x| x >> by)),
        12 => {
            let zipped = x.iter().zip(&y).zip(&z);
            // Choices are by truth values.
            let zero = graph.int(0);
            let is = graph.eq(a, zero);
            (graph.select(is, c, b), zipped.map(|((x, y), z)| if *x != 0 { *y } else { *z }).collect())
        }
        13 => (graph.bit(a), unary(&|x| 1 << (x & 63))),
        14 => (graph.count(a), unary(&|x| x.count_ones().into())),
        15 => (graph.mask(a, constant), unary(&|x| x & constant)),
        16 => {
            let field = graph.shr(a, by);
            (graph.mask(field, constant), unary(&|x| x >> by & constant))
        }
        17 => {
            let constant = x[random.below(x.len() as u64) as usize];
            let other = graph.int(constant);
            (graph.eq(a, other), unary(&|x| u64::from(x == constant)))
        }
        18 => {
            let constant = graph.int(constant);
            let (sum, less) = (graph.add(a, constant), graph.constant(constant).unwrap_or(0));
            (sum, unary(&|x| x.wrapping_add(less)))
        }
        19 => {
            let one = graph.eq(a, b);
            (graph.not(one), binary(&|x, y| u64::from(x != y)))
        }
        20 => {
            let by = 1 + constant % 100;
            (graph.rem(a, by), unary(&|x| x % by))
        }
        // A field is moved, from and to anywhere; with something added it is put back, into the same bits or others.
        21 => {
            let (field, to) = (graph.shr(a, by), y[0] as u32 % 64);
            let field = graph.mask(field, constant);
            (graph.shl(field, to), unary(&|x| (x >> by & constant) << to))
        }
        22 | 23 => {
            let (bits, more, kept) = (x[0] >> (z[0] % 64), y[0], constant >> by);
            let (field, amount) = (graph.shr(a, by), graph.int(more));
            let field = graph.mask(field, bits);
            let sum = graph.add(field, amount);
            let sum = graph.mask(sum, kept);
            (graph.shl(sum, by), unary(&|x| ((x >> by & bits).wrapping_add(more) & kept) << by))
        }
        // Fields apart from each other, some of them of one bit, some that end where the next begins.
        25 => {
            let (mut fields, mut from) = (Vec::new(), y[0] % 5);
            while from < 64 {
                let width = 1 + (constant >> from) % 9;
                let mask = (u64::MAX >> (64 - width)) << from;
                // Often what it is in one of the states.
                let value = if z[0] >> from & 1 == 0 { x[from as usize % x.len()] } else { z[1] };
                fields.push((mask, value & mask));
                from += width + (constant >> (63 - from)) % 3;
            }
            let none = |x: u64| fields.iter().all(|(mask, value)| x & mask != *value);
            (graph.none_equal(a, &fields), unary(&|x| u64::from(none(x))))
        }
        24 => {
            let (same, field, none) = (graph.eq(a, b), graph.shr(c, by), graph.int(constant));
            let chosen = graph.select(same, field, none);
            let to = y[0] as u32 % 64;
            let zipped = x.iter().zip(&y).zip(&z);
            let chosen_of = |((x, y), z): ((&u64, &u64), &u64)| if x == y { z >> by } else { constant };
            (graph.shl(chosen, to), zipped.map(|one| chosen_of(one) << to).collect())
        }
        _ => (graph.plain(super::Op::Mod(a, b)), binary(&|x, y| modulo(x as i64, y as i64) as u64)),
    }
}

#[test]
fn graphs_compute_what_they_were_asked_for() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let mut graph = Graph::default();
        let mut states: Vec<[u64; 3]> =
            (0..12).map(|_| WIDTHS.map(|w| random.number() & u64::MAX >> (64 - w))).collect();
        states.push([0; 3]);
        let mut nodes: Vec<(Id, Vec<u64>)> = (0..3)
            .map(|w| (graph.word(w, WIDTHS[w as usize]), states.iter().map(|s| s[w as usize]).collect()))
            .collect();
        for _ in 0..40 {
            let new = grow(&mut graph, &nodes, &mut random);
            nodes.push(new);
        }
        for (id, expected) in &nodes {
            for (state, expected) in states.iter().zip(expected) {
                let found = value(&graph, *id, state);
                assert_eq!(found, *expected, "seed {seed}, {:?} of {state:?}", graph.op(*id));
                assert_eq!(found & !graph.bits(*id), 0, "seed {seed}, {:?}: bits", graph.op(*id));
                assert_eq!(passes(&graph, *id, state), found != 0, "seed {seed}: {:?}", graph.op(*id));
            }
        }
    }
}

/// By the zero-one principle (Knuth, 5.3.4), a network that sorts bits sorts everything.
#[test]
fn networks_sort() {
    for n in 0..=super::settle::MOST_SLOTS {
        let mut graph = Graph::default();
        let word = graph.word(0, 64);
        let mut keys: Vec<Id> = (0..n as u32)
            .map(|i| {
                let bit = graph.shr(word, i);
                graph.mask(bit, 1)
            })
            .collect();
        super::settle::network(&mut graph, &mut keys);
        let mut emitter = Emitter::new(&graph, 1);
        let places: Vec<u32> = keys.iter().map(|id| emitter.value(*id)).collect();
        let end = emitter.here();
        let code = emitter.finish();
        let mut values = code.values();
        for bits in 0..1u64 << n {
            values[0] = bits;
            code.run(&(0..end), &mut values).expect("nothing is asserted");
            let ones: u32 = bits.count_ones();
            let sorted = places
                .iter()
                .enumerate()
                .all(|(i, p)| values[*p as usize] == u64::from(n as u32 - ones <= i as u32));
            assert!(sorted, "{n} keys, {bits:b}");
        }
    }
}
