//! Random programs, executed by the machine and by the oracle.

mod common;
#[path = "common/random.rs"]
mod random;

use arch_ir::report::Limits;
use std::sync::atomic::AtomicBool;

#[test]
fn random_programs_agree_with_the_oracle() {
    let limits = Limits { max_states: Some(400), ..Limits::default() };
    let (mut compared, mut large, mut with_sub_runs) = (0, 0, 0);
    for seed in random::seeds() {
        let program = random::program(seed);
        if std::env::var_os("ARCH_RANDOM").is_some() {
            println!("{}", program.name);
        }
        if arch_ir::validate::validate(&program).is_err() {
            continue;
        }
        // Picks in picks make programs with events by the thousand in every state, for which the oracle needs
        // minutes, or more than can be unrolled.
        match arch_check::Machine::compile(&program) {
            Ok(machine) if machine.actions() > 3000 => continue,
            Err(error) if error.message.contains("too large") => continue,
            _ => {}
        }
        with_sub_runs += usize::from(program.protocols.iter().any(|p| p.parent.is_some()));
        let report = arch_ir::explore::explore(&program, &limits, &AtomicBool::new(false));
        if report.stopped.is_some() {
            large += 1;
            common::agree_on_some(&program, 150);
        } else {
            compared += 1;
            common::agree(&program);
        }
    }
    println!("{compared} compared, {large} only in part, {with_sub_runs} with sub-runs");
    let tried = compared + large;
    assert!(tried < 100 || with_sub_runs * 10 > tried, "{with_sub_runs} of {tried} have sub-runs");
}
