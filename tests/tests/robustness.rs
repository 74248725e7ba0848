//! No input panics the front end, and none is passed over in silence: mutated specs, and absurd sizes.

use arch_ir::report::Limits;
use archc_tests::{Checked, check, repository, specs_below, with_stack};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Mutants of each file. `ARCH_MUTANTS` chooses another number, for a longer search.
const MUTANTS: usize = 25;
/// One in so many mutants is executed as well.
const EXECUTED: usize = 8;
/// What no text of this size may take, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn mutated_specs_are_never_passed_over() {
    with_stack(|| {
        let mutants = std::env::var("ARCH_MUTANTS").ok().and_then(|n| n.parse().ok()).unwrap_or(MUTANTS);
        let mut random = Random(0x5eed);
        for directory in ["specs", "tests/cases", "tests/fixtures"] {
            for path in specs_below(&repository(directory)) {
                let text = std::fs::read_to_string(&path).expect("a spec");
                for n in 0..mutants {
                    let found = look_at(&mutated(&text, &mut random));
                    if n % EXECUTED == 0 {
                        run(&found);
                    }
                }
            }
        }
    });
}

#[test]
fn absurd_sizes_are_refused() {
    with_stack(|| {
        for (text, code) in ABSURD {
            let found = look_at(text);
            assert!(found.has(code), "{text}\n{}", found.rendered());
        }
    });
}

#[test]
fn doubling_definitions_end() {
    with_stack(|| {
        let mut text = "truth T { b: bool }\nactor a\ndefine d0 := T.b\n".to_owned();
        for n in 1..60 {
            text += &format!("define d{n} := d{0} and d{0}\n", n - 1);
        }
        text += "protocol p { a[s {d59}] => done }\non s { }\n";
        assert!(look_at(&text).has("E0213"));
    });
}

/// Specs that would have more parts than any memory has room for, with the code that says so.
const ABSURD: &[(&str, &str)] = &[
    ("actor a * 64\ntruth T[a, a, a, a] { b: bool }", "E0213"),
    ("actor a * 64\ntruth T[a, a] { b: set of a }", "E0213"),
    ("actor a * 65\ntruth T { b: bool }", "E0210"),
    ("actor a\ntruth T { n: 0..4294967295, m: map 0..4294967295 -> bool }", "E0208"),
    ("actor a\ntruth T { n: 0..4294967296 }", "E0210"),
    ("actor a\ntruth T { m: map 0..65535 -> map 0..65535 -> bool }", "E0213"),
    ("actor a\ntruth T { m: map 0..255 -> map 0..255 -> map 0..255 -> map 0..255 -> bool }", "E0213"),
    ("actor a\ntruth T { s: seq of seq of seq of seq of 0..9 max 64 max 64 max 64 max 64 }", "E0213"),
    ("actor a\nrecord R { x: R }\ntruth T { r: R }", "E0115"),
    ("actor a\nrecord R { x: S? }\nrecord S { x: set of R }\ntruth T { r: R }", "E0115"),
    ("actor a\none of U { A(u: U), B }\ntruth T { r: U }", "E0115"),
    ("actor a\none of U { }\ntruth T { r: U }", "E0210"),
    ("actor a\nenum E { }\ntruth T { e: E }", "E0210"),
    ("actor a * 64\nprotocol p for each (b: a, c: a, d: a, e: a, f: a, g: a) { a[s] => done }", "E0213"),
    ("actor a\nprotocol p { var m: map 0..65535 -> map 0..65535 -> bool\n a[s] => done }", "E0213"),
    ("actor a\nconst N = 9223372036854775807 + 1\ntruth T { b: bool }", "E0209"),
    ("actor a\nconst N = 0 - 9223372036854775807 - 1\nconst M = -N\ntruth T { b: bool }", "E0209"),
    ("actor a { m: map 0..65535 -> map 0..65535 -> bool }\ntruth T { b: bool }", "E0213"),
];

fn look_at(text: &str) -> Checked {
    let start = Instant::now();
    let found = check("mutant.arch", text);
    if let Some(program) = &found.program {
        assert_eq!(arch_ir::validate::validate(program), Ok(()), "lowered from\n{text}");
    }
    assert!(start.elapsed() < PATIENCE, "{:?} for\n{text}", start.elapsed());
    assert!(found.program.is_some() || found.sketch || found.has_errors(), "nothing is said about\n{text}");
    // Rendering shows that every label is inside the text and on the edge of a character.
    assert_eq!(found.rendered().is_empty(), found.diagnostics.is_empty());
    found
}

/// Whatever the front end lets through can be executed: a few states with the interpreter, and packed.
fn run(found: &Checked) {
    let Some(program) = &found.program else { return };
    let limits = Limits { max_states: Some(20), ..Limits::default() };
    let report = arch_ir::explore::explore(program, &limits, &AtomicBool::new(false));
    assert!(report.distinct_states > 0);
    // A refusal is an answer, too.
    drop(arch_check::Machine::compile(program));
}

/// The text with one to three tokens or lines deleted, doubled, swapped or moved from elsewhere.
fn mutated(text: &str, random: &mut Random) -> String {
    let mut parts = if random.below(3) == 0 { lines(text) } else { tokens(text) };
    for _ in 0..=random.below(3) {
        if parts.is_empty() {
            break;
        }
        let (i, j) = (random.below(parts.len()), random.below(parts.len()));
        match random.below(4) {
            0 => drop(parts.remove(i)),
            1 => parts.insert(j, parts[i]),
            2 => parts.swap(i, j),
            _ => parts[j] = parts[i],
        }
    }
    parts.concat()
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Words, numbers, white space, and other characters one by one.
fn tokens(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' => 0,
        c if c.is_whitespace() => 1,
        _ => 2,
    };
    let mut found = Vec::new();
    let mut start = 0;
    let mut last = None;
    for (at, c) in text.char_indices() {
        if last.is_some_and(|k| k != kind(c) || k == 2) {
            found.push(&text[start..at]);
            start = at;
        }
        last = Some(kind(c));
    }
    found.push(&text[start..]);
    found
}

/// A small generator of the same numbers everywhere (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}
