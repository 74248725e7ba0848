//! What a service does without ghost truth: what happens outside is dropped, what a step hears of it is asked of the handler.

use arch_base::{FileId, SourceMap};
use arch_codegen::{Code, Origin, Refusal, Transport, generate};
use arch_ir::Program;
use arch_ir::ghosts::Unseen;

/// A caller of a provider: `effect` is what it does.
fn program(effect: &str) -> (String, Program) {
    let text = format!(
        "enum Call {{ ANSWERED, LOST, NEVER_SENT }}\n\
         enum Answer {{ PENDING, OK, REFUSED, AMBIGUOUS }}\n\
         truth Result {{ answer: Answer, n: 0..9 }}\n\
         ghost truth Provider {{ remembers: Answer, times: 0..3 clamp }}\n\
         ghost truth World {{ charged: 0..3 clamp }}\n\
         actor worker\n\
         protocol main for each worker, repeats {{ worker[call {{Result.n = 0}}] => done }}\n\
         on call {{\n{effect}\n}}\n"
    );
    let module = arch_grammar::parse(FileId(0), &text).expect("it parses");
    let analysis = arch_sema::analyze(&module, &arch_sema::Options::default());
    let told = analysis.diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>();
    (text, analysis.program.unwrap_or_else(|| panic!("{told:?}")))
}

/// The effect as a service has it, statement by statement.
fn seen(effect: &str) -> Vec<String> {
    let (_, program) = program(effect);
    let left = Unseen::of(&program).left();
    let (id, main) = left.protocols.iter_enumerated().next().expect("a protocol");
    let step = main.steps.iter().next().expect("a step");
    step.effect.iter().map(|stmt| left.show_stmt(id, stmt)).collect()
}

fn generated(effect: &str) -> Result<Code, Vec<Refusal>> {
    let (text, program) = program(effect);
    let mut sources = SourceMap::default();
    sources.add("calls.arch", text);
    let origin =
        Origin { tool: "archc".into(), spec: "calls.arch".into(), hash: "sha256:0".into(), tick: 1_000 };
    generate(&program, &sources, &origin, Transport::default())
}

/// Why a service cannot do it.
fn refused(effect: &str) -> Vec<String> {
    generated(effect).expect_err("it is refused").into_iter().map(|r| r.message).collect()
}

#[test]
fn what_happens_outside_is_dropped_and_what_is_heard_of_it_is_widened() {
    let effect = "
        ghost pick call in if Provider.times < 2 then {ANSWERED, LOST, NEVER_SENT} else {ANSWERED}
        let known = Provider.remembers != PENDING
        ghost pick verdict in {v for v in {OK, REFUSED} where not known or v = Provider.remembers}
        pick heard in {if call != ANSWERED then AMBIGUOUS else if verdict = OK then OK else REFUSED}
        if call != NEVER_SENT and not known {
          Provider.remembers := verdict
          if verdict = OK { World.charged := World.charged + 1 }
        }
        Result.answer := heard";
    assert_eq!(seen(effect), ["pick heard in {AMBIGUOUS, OK, REFUSED}", "Result.answer := heard"]);
}

#[test]
fn a_domain_keeps_what_can_be_seen_of_it() {
    let heard = |domain: &str| seen(&format!("pick heard in {domain}\nResult.answer := heard"))[0].clone();
    let conditions = "{v for v in Answer where v != PENDING and Result.n = 0 and v != Provider.remembers}";
    let widened = "pick heard in {v for v in Answer where v != PENDING and Result.n = 0}";
    assert_eq!(heard(conditions), widened);
    let union = heard("if Provider.times = 0 then {OK} else {REFUSED}");
    assert_eq!(union, "pick heard in {OK} + {REFUSED}");
    let real = heard("if Result.n = 0 then {OK, Provider.remembers} * {OK, REFUSED} else {PENDING}");
    assert_eq!(real, "pick heard in (if Result.n = 0 then {OK, REFUSED} else {PENDING})");
    let less = heard("{OK, REFUSED, PENDING} - {PENDING} - {Provider.remembers}");
    assert_eq!(less, "pick heard in {OK, REFUSED, PENDING} - {PENDING}");
    // Nothing is left that could be looked at: any answer.
    assert_eq!(heard("{Provider.remembers}"), "pick heard in Answer");
}

#[test]
fn nobody_is_asked_for_what_nobody_hears() {
    let code = generated(
        "ghost pick call in Call
         pick heard in {if call = ANSWERED then OK else AMBIGUOUS}
         Result.answer := heard",
    );
    let code = code.expect("a service can do it");
    let op = &code.actors[0].ops[0];
    let open: Vec<&str> = op.open.iter().map(|o| o.name.as_str()).collect();
    assert_eq!(open, ["heard"]);
    assert!(!code.openapi.contains("\"call\""));
    let steps = code.files.iter().find(|f| f.path == "main_.rs" || f.path == "main.rs").expect("its steps");
    assert!(steps.text.contains("if tx.has_ghosts()"), "{}", steps.text);
}

#[test]
fn reality_may_not_depend_on_the_unseen_otherwise() {
    let call = "ghost pick call in Call\n";
    let leaks = [
        ("Result.n := Provider.times", "`Provider.times`"),
        ("if Provider.times = 0 { Result.n := 1 }", "`Provider.times`"),
        ("let t = Provider.times\nResult.n := t", "`t`"),
        (&format!("{call}if call = LOST {{ Result.n := 1 }}"), "`call`"),
        (&format!("{call}let c = call\nif c = LOST {{ Result.n := 1; World.charged := 1 }}"), "`c`"),
        ("for i in {Provider.times} { Result.n := i }", "`Provider.times`"),
    ];
    for (effect, name) in leaks {
        let told = refused(effect);
        let expected = format!("{name} is ghost truth, and what a service does depends on it here");
        assert!(told.contains(&expected), "{effect}: {told:?}");
    }
}
