//! Design lints.

use crate::codes;
use arch_base::{Diagnostic, Span};
use arch_grammar::ast::Text;

/// A step's name, and where it is written.
type Named<'a> = (&'a str, Span);

/// A write that nothing but a lease keeps others from.
pub fn unfenced((step, place): Named<'_>, written: &str, lease: &str, checked: Span) -> Diagnostic {
    let message =
        format!("`{step}` writes `{written}`, and only the lease `{lease}` keeps an old holder from it");
    Diagnostic::warning(codes::UNFENCED_WRITE, message)
        .at(place, "a holder that was paused for longer than its lease still gets here")
        .see(checked, "the lease is looked at here")
        .help("give each holder an epoch (`advance`), and let the step compare it: `requires {OwnerEpoch.current = my_epoch}`")
}

/// A lease that is given by one clock and taken away by another.
pub fn two_clocks(
    lease: &str,
    compared: Span,
    clocks: (&str, &str),
    (step, stamped): Named<'_>,
) -> Diagnostic {
    let message =
        format!("`{lease}` is set by the clock of {} and taken away by the clock of {}", clocks.0, clocks.1);
    Diagnostic::warning(codes::TWO_CLOCKS, message)
        .at(compared, format!("compared with the clock of {}", clocks.1))
        .see(stamped, format!("`{step}` sets it"))
        .help("advance an epoch where it is taken away, so that whose lease it was is refused; try it with `skew`")
}

/// A reclaim that leaves the epoch as it is.
pub fn reclaim_keeps_epoch((step, place): Named<'_>, owner: &str, compared: Span) -> Diagnostic {
    let message =
        format!("`{step}` takes `{owner}` away from whoever has it, and leaves every epoch as it is");
    Diagnostic::warning(codes::RECLAIM_KEEPS_EPOCH, message)
        .at(place, "the old holder's epoch stays the current one")
        .see(compared, "because this is over")
        .help("`advance` the epoch that the other steps compare")
}

/// `advance` of a local.
pub fn local_epoch(name: &str, place: Span) -> Diagnostic {
    let message = format!("`{name}` is advanced, and nobody else can see it");
    Diagnostic::warning(codes::LOCAL_EPOCH, message)
        .at(place, "a service knows no value that is greater than everybody's")
        .help("advance an attribute of truth, and copy it: `advance OwnerEpoch.current; my_epoch := OwnerEpoch.current`")
}

/// A version that is read and never compared.
pub fn version_not_checked((step, place): Named<'_>, (var, read): (&str, &str), span: Span) -> Diagnostic {
    let message = format!("`{step}` writes what has the version `{read}`, and nothing looks at `{var}`");
    Diagnostic::warning(codes::VERSION_NOT_CHECKED, message)
        .at(place, "overwrites what another writer did in between")
        .see(span, "the version was read here")
        .help(format!("`on {step} requires {{{read} = {var}}}`, and an answer when it is not"))
}

/// A compare-and-set that leaves what it compared.
pub fn compared_not_advanced((step, place): Named<'_>, compared: &str, guard: Span) -> Diagnostic {
    let message = format!("`{step}` compares `{compared}` and leaves it as it is");
    Diagnostic::warning(codes::NOT_ADVANCED, message)
        .at(guard, "is still true for everybody who read the same version")
        .see(place, "the step that writes")
        .help(format!("`advance {compared}` in the effect"))
}

/// A compare-and-set that nothing answers.
pub fn nothing_answers((step, _): Named<'_>, compared: &str, guard: Span) -> Diagnostic {
    let message = format!("nothing answers `{step}` when `{compared}` has changed");
    Diagnostic::warning(codes::NOTHING_ANSWERS, message)
        .at(guard, "the run waits here for ever once another writer was first")
        .help(format!("`rejects {step} => retry`, or a `|->` branch for the other case"))
}

/// A step that is legal only where it changes nothing.
pub fn postcondition((step, place): Named<'_>, guard: Span) -> Diagnostic {
    let message = format!("`{step}` is legal only when what it does is done");
    Diagnostic::warning(codes::POSTCONDITION, message)
        .at(guard, "says what is so afterwards")
        .see(place, "its effect makes just that so")
        .help("let the guard say what must be so before, or leave it out")
}

/// A retry that cannot succeed.
pub fn retry_in_vain((step, _): Named<'_>, guard: Span, reject: Span) -> Diagnostic {
    let message = format!("once `{step}` is refused, every retry is refused");
    Diagnostic::warning(codes::RETRY_IN_VAIN, message)
        .at(guard, "no other step writes what this reads")
        .see(reject, "tried again, for ever")
        .help("end the run (`outcome refused ends`), or write the step that makes the guard true again")
}

/// A requeue beside an attempt that may live on.
pub fn requeue((step, place): Named<'_>, word: &str, outcome: Span) -> Diagnostic {
    let message = format!("`{step}` happens twice when `=> {word}` begins a run beside one that lives on");
    Diagnostic::warning(codes::UNSAFE_REQUEUE, message)
        .at(place, "adds to what is there, and neither compares an attempt nor looks whether it was done")
        .see(outcome, "the further run")
        .help("give each attempt an id that the step compares, or make the effect idempotent: `if … as dedup { … }`")
}

/// A step at two places.
pub fn two_places((step, place): Named<'_>, one: &(String, String), other: &(String, String)) -> Diagnostic {
    let message = format!("`{step}` needs `{}` and `{}` at once, at two places", one.0, other.0);
    Diagnostic::warning(codes::TWO_PLACES, message)
        .at(place, format!("one event at {} and at {}", one.1, other.1))
        .help(format!(
            "read a copy: `view … at {} refreshed by …`; or make it two steps with a message between",
            one.1
        ))
}

/// A failure mode that nothing in a step prevents.
pub fn prevented_by_nothing(name: &Text, clause: Span) -> Diagnostic {
    let message = format!("no guard and no effect prevents \"{}\"", name.value);
    Diagnostic::warning(codes::NO_GUARD_PREVENTS, message)
        .at(clause, "nothing that a step checks or does")
        .see(name.span, "said to be prevented")
        .help("name what does: `guard of S`, `term n of S`, `effect n of S`, a label; what helps afterwards is `repaired by`")
}

/// Truth that nothing reads.
pub fn never_read(name: &str, declared: Span, written: bool) -> Diagnostic {
    let what = if written { "is written and never read" } else { "is neither read nor written" };
    Diagnostic::warning(codes::NEVER_READ, format!("`{name}` {what}"))
        .at(declared, "no guard, effect or property looks at it")
        .help("state the guard or the property that it is for, or leave it out: it multiplies the states")
}
