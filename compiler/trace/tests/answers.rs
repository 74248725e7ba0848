//! What happened outside: answers of the environment are compared with what the spec says of it, as far as the journal tells.

#[allow(dead_code, reason = "what other tests use")]
mod support;

use arch_runtime::journal::Entry;
use arch_runtime::store::memory::NoFaults;
use arch_runtime::value::{Field, Value};
use arch_trace::{Checked, Conformance, Subject, Trouble, check, check_by};
use std::collections::BTreeMap;
use support::{CASES, Case, text};

fn workflows() -> &'static Case {
    CASES.iter().find(|case| case.name.starts_with("I12")).expect("it is among the cases")
}

/// A payment provider. It remembers what it said of a workflow, or does not.
struct Provider {
    remembers: bool,
    /// How many calls of a hundred are answered too late, whether it acted or not.
    lost: u8,
    decided: BTreeMap<Value, bool>,
}

impl Provider {
    fn new(remembers: bool, lost: u8) -> Provider {
        Provider { remembers, lost, decided: BTreeMap::new() }
    }

    /// What a worker that calls it hears.
    fn answer(&mut self, op: &str, fields: &[Field], values: &mut [Value], random: &mut fastrand::Rng) {
        let Some(heard) = fields.iter().position(|f| f.name == "heard") else { return };
        assert_eq!(op, "main.deliver_effect_2");
        let workflow = values[0].clone();
        let lost = random.u8(0..100) < self.lost;
        if lost && random.bool() {
            values[heard] = Value::Enum("AMBIGUOUS".into());
            return;
        }
        let decision = random.bool();
        let before = self.decided.get(&workflow).copied().filter(|_| self.remembers);
        let verdict = before.unwrap_or(decision);
        self.decided.insert(workflow, verdict);
        let word = if verdict { "OK" } else { "REFUSED" };
        values[heard] = Value::Enum(if lost { "AMBIGUOUS" } else { word }.into());
    }

    async fn journal(mut self, seed: u64, requests: usize) -> Vec<Entry> {
        let mut answer = |op: &str, fields: &[Field], values: &mut [Value], random: &mut fastrand::Rng| {
            self.answer(op, fields, values, random);
        };
        workflows().answered_journal(seed, requests, NoFaults, &mut answer).await
    }
}

fn checked(subject: &Subject, entries: &[Entry]) -> Result<Checked, Box<Trouble>> {
    check(subject, text(&(workflows().schema)(), entries).as_bytes(), None)
}

fn heard(entries: &[Entry]) -> usize {
    entries.iter().filter(|e| e.op == "main.deliver_effect_2" && e.denied.is_none()).count()
}

/// Lost answers leave open what happened; what is heard later settles it.
#[tokio::test]
async fn a_provider_that_keeps_its_word_conforms() {
    let subject = workflows().assuming(&["Network"]);
    assert!(subject.judged().contains(&"effect_at_most_once"));
    let mut answers = 0;
    for seed in 0..12 {
        let entries = Provider::new(true, 40).journal(seed, 3_000).await;
        let found = checked(&subject, &entries).unwrap_or_else(|t| panic!("seed {seed}: {t:#?}"));
        assert_eq!((found.findings.ghosts_lost, found.findings.skipped), (None, None));
        assert_eq!(found.findings.perhaps, None, "a key that is remembered is charged once");
        answers += heard(&entries);
    }
    assert!(answers > 60, "only {answers} answers");
}

#[tokio::test]
async fn a_provider_that_forgets_is_found_out() {
    let subject = workflows().assuming(&["Network"]);
    let mut found = 0;
    for seed in 0..12 {
        let entries = Provider::new(false, 20).journal(seed, 3_000).await;
        let Err(trouble) = checked(&subject, &entries) else { continue };
        found += 1;
        assert!(trouble.what.contains("main.deliver_effect_2") && !trouble.unusable, "{trouble:?}");
        let told = &trouble.because[0];
        assert!(told.starts_with("the spec's environment cannot have answered heard = "), "{told}");
        assert!(told.contains("as far as the journal tells of") && told.contains("Provider"), "{told}");
        // Whoever looks at every event for itself says the same.
        let slow = Conformance::new(&subject).forgetful();
        let again = check_by(slow, &subject, text(&(workflows().schema)(), &entries).as_bytes(), None);
        assert_eq!(again.expect_err("it is refused").because, trouble.because);
        // Nobody asks: then it is as the service does it.
        let silent = workflows().assuming(&["Network", "Provider"]);
        checked(&silent, &entries).unwrap_or_else(|t| panic!("seed {seed}: {t:#?}"));
    }
    assert!(found >= 3, "only {found} were found out");
}

/// The model has one lost answer, and reality has more.
#[tokio::test]
async fn a_budget_of_the_model_is_one_of_the_journal_unless_nothing_is_said_of_it() {
    let lost = |e: &&Entry| e.input.text().contains("AMBIGUOUS") && e.op == "main.deliver_effect_2";
    let mut entries = Vec::new();
    for seed in 0..20 {
        entries = Provider::new(true, 60).journal(seed, 3_000).await;
        if entries.iter().filter(lost).count() > 1 {
            break;
        }
    }
    let trouble = checked(&workflows().assuming(&[]), &entries).expect_err("one more than the model has");
    assert!(trouble.because[0].contains("heard = AMBIGUOUS"), "{trouble:?}");
    checked(&workflows().assuming(&["Network"]), &entries).expect("as many as there are");
}

/// Where the provider knows no keys, a second charge breaks a promise: surely, when both were heard of.
#[tokio::test]
async fn what_surely_happened_is_told_from_what_may_have() {
    let subject = workflows().judging(Some("no_key"), &["Network"]);
    let (mut surely, mut perhaps) = (0, 0);
    for seed in 0..40 {
        let entries = Provider::new(false, 50).journal(seed, 1_500).await;
        match checked(&subject, &entries) {
            Ok(found) => {
                let Some((event, property)) = found.findings.perhaps else { continue };
                perhaps += 1;
                assert!(["effect_at_most_once", "failed_means_not_charged"].contains(&property.as_str()));
                assert!(event <= entries.len() as u64);
            }
            Err(trouble) => {
                surely += 1;
                let property = trouble.property.as_deref().unwrap_or_else(|| panic!("{trouble:?}"));
                let broken = ["effect_at_most_once", "failed_means_not_charged", "completed_means_charged"];
                assert!(broken.contains(&property), "{property}");
            }
        }
    }
    assert!(surely > 3 && perhaps > 3, "{surely} surely, {perhaps} perhaps");
}

#[test]
fn only_ghost_truth_can_be_left_out() {
    let case = workflows();
    let told = std::panic::catch_unwind(|| case.assuming(&["OutboxEvent"])).expect_err("it is real");
    let told = told.downcast_ref::<String>().expect("a message");
    assert!(told.contains("`OutboxEvent` is no ghost truth; there is Provider, World, Network"), "{told}");
}
