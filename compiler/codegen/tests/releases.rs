//! Which steps of a spec give back what their actor owns, and which of them do nothing else.

use arch_base::{FileId, SourceMap};
use arch_codegen::{Origin, Transport, generate};
use std::path::Path;

/// The releases in the generated service of a spec: operation, owners, whether it does nothing else.
fn releases(path: &str) -> Vec<(String, bool)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let text = std::fs::read_to_string(&path).expect("it can be read");
    of(&text)
}

fn of(text: &str) -> Vec<(String, bool)> {
    let module = arch_grammar::parse(FileId(0), text).expect("it parses");
    let analysis = arch_sema::analyze(&module, &arch_sema::Options::default());
    let program = analysis.program.unwrap_or_else(|| panic!("{:?}", analysis.diagnostics));
    let mut sources = SourceMap::default();
    sources.add("spec.arch", text);
    let origin =
        Origin { tool: "tests".into(), spec: "spec.arch".into(), hash: "sha256:test".into(), tick: 1_000 };
    let code = generate(&program, &sources, &origin, Transport::default()).expect("code is made of it");
    let service = code.files.iter().find(|file| file.path == "service.rs").expect("a service");
    let text: String = service.text.split_whitespace().collect();
    let calls = text.split("serving.release(\"").skip(1);
    let calls = calls.filter_map(|call| {
        let (op, rest) = call.split_once('"')?;
        let only = rest.split_once("],")?.1;
        Some((op.to_owned(), only.starts_with("true")))
    });
    calls.collect()
}

fn named(op: &str, only: bool) -> (String, bool) {
    (op.to_owned(), only)
}

#[test]
fn steps_that_give_back_are_told_from_those_that_say_more() {
    let queue = releases("examples/job_queue/job_queue.arch");
    assert_eq!(queue, [named("processing.finish", false), named("processing.give_up", true)]);
    assert_eq!(releases("specs/I02_claim_lease.arch"), [named("main.commit", false)]);
    // Who is preempted frees a slot, and the task is evicted.
    let fleet = releases("specs/I15_execution_fleet.arch");
    assert_eq!(fleet, [named("main.complete", false), named("preemption.stop", false)]);
    assert_eq!(releases("specs/tour/two_places.arch"), [named("main.release", true)]);
    assert_eq!(releases("specs/I05_append_log.arch"), []);
}

const QUEUE: &str = "id job * 2
truth Job[job] { state: {NEW, TAKEN, BROKEN, DONE}, owner: worker? }
actor worker * 2

protocol work for each worker, repeats {
  any job: job
  worker[take {Job[job].state = NEW}] -> worker[finish] => done
    |-> worker[give {Job[job].owner = self}] => dropped
}
branch give after take
outcome dropped ends

on take { Job[job].owner := self; Job[job].state := TAKEN }
on finish { Job[job].owner := null; Job[job].state := DONE }
on give { Job[job].owner := null; Job[job].state := NEW }
property some: reachable any j in job where Job[j].state = DONE
";

#[test]
fn what_is_given_back_can_be_taken_again() {
    let spec = |give: &str| QUEUE.replace("Job[job].state := NEW }", give);
    assert_eq!(of(QUEUE), [named("work.finish", false), named("work.give", true)]);
    // Nobody takes what is broken: whoever ends must not say that it is.
    assert_eq!(
        of(&spec("Job[job].state := BROKEN }")),
        [named("work.finish", false), named("work.give", false)]
    );
    // That it is TAKEN still is wrong, and is the spec's affair.
    assert_eq!(
        of(&QUEUE.replace("; Job[job].state := NEW", "")),
        [named("work.finish", false), named("work.give", true)]
    );
    // An instant of the lease, and one that says that it is done.
    let timed = QUEUE.replace("owner: worker? }", "owner: worker?, until: time?, done_at: time? }");
    let timed = timed.replace("on take { ", "on take { Job[job].until := now + 2; ");
    let giving = |more: &str| timed.replace("on give { ", &format!("on give {{ {more}; "));
    assert_eq!(of(&giving("Job[job].until := null"))[1], named("work.give", true));
    assert_eq!(of(&giving("Job[job].done_at := now"))[1], named("work.give", false));
}
