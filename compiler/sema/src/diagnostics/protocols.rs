//! Protocols: steps, branches, outcomes, splits.

use super::{plural, suggest};
use crate::codes;
use arch_base::{Diagnostic, Span};
use arch_grammar::ast::Ident;

/// A step that appears twice in one protocol.
pub fn duplicate_step(operation: &Ident, earlier: Span) -> Diagnostic {
    Diagnostic::error(
        codes::DUPLICATE_STEP,
        format!("`{}` is a step of this protocol already", operation.name),
    )
    .at(operation.span, "again here")
    .see(earlier, "first here")
    .help("give the second occurrence a name of its own, and the same effect if it is the same operation")
}

/// Two effects for one operation.
pub fn duplicate_effect(operation: &str, span: Span, earlier: Span) -> Diagnostic {
    Diagnostic::error(codes::DUPLICATE_EFFECT, format!("the effect of `{operation}` is declared twice"))
        .at(span, "declared again here")
        .see(earlier, "first declared here")
        .help("merge them, or say which protocol each is for: `on protocol.operation { … }`")
}

/// Two annotations that settle the same thing about a step or outcome.
pub fn declared_twice(what: &str, name: &Ident, span: Span, earlier: Span) -> Diagnostic {
    Diagnostic::error(codes::DUPLICATE_EFFECT, format!("{what} `{}` is declared twice", name.name))
        .at(span, "declared again here")
        .see(earlier, "first declared here")
        .help("keep one of them")
}

/// An operation that a protocol does not have.
pub fn no_such_step<'a>(
    operation: &Ident,
    protocol: &str,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let error =
        Diagnostic::error(codes::UNKNOWN_OPERATION, format!("`{protocol}` has no step `{}`", operation.name))
            .at(operation.span, "no step of this name");
    suggest(error, &operation.name, known)
        .help("operations are the names before the guard: `actor[operation {guard}]`")
}

/// A position that must be in the main chain.
pub fn not_in_main_chain(operation: &Ident) -> Diagnostic {
    Diagnostic::error(codes::BAD_BRANCH, format!("`{}` is not a step of the main chain", operation.name))
        .at(operation.span, "is a step of a branch")
        .help("name a step of the chain before the first `|->`")
}

/// A branch that nothing is left for.
pub fn branch_after_last(span: Span, branch: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_BRANCH, "the run has ended by then, so this branch can never be taken")
        .at(span, "after the last step of the chain")
        .see(branch, "this branch")
        .help("name an earlier step, or use `branch … at STEP`")
}

/// A branch whose declarations leave nowhere to take it.
pub fn branch_nowhere(span: Span, branch: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_BRANCH, "this branch can never be taken")
        .at(span, "leaves no place for it")
        .see(branch, "this branch")
        .because("note: a branch is open from when the run has executed its first step, unless it is declared `at start`")
        .help("name a later step, or use `branch … at start`")
}

/// A detached branch with several steps.
pub fn detached_chain(span: Span, branch: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_BRANCH, "a detached branch has one step: the run cannot be in two places")
        .at(span, "detached here")
        .see(branch, "this branch has several steps")
        .help("make the rest a protocol of its own, and start it with `outcome … starts protocol at step`")
}

/// A `loop` step at the end of a chain or the start of a branch.
pub fn loop_at_end(span: Span, how: &str) -> Diagnostic {
    Diagnostic::error(
        codes::ENDLESS_CHAIN,
        format!(
            "a chain that {how} with a `loop` step has no clear {}",
            if how == "ends" { "end" } else { "start" }
        ),
    )
    .at(span, "may be executed zero or more times")
    .help("let another step follow (or come before) it")
}

/// A split with nothing on one side.
pub fn bad_split(span: Span, statements: usize) -> Diagnostic {
    Diagnostic::error(codes::BAD_SPLIT, "a split needs statements on both sides")
        .at(span, format!("its effect has {}", plural(statements, "statement")))
        .help("`split S after n` with n from 1 to the number of statements less one")
}

/// A split of a step that is executed as a whole.
pub fn whole_step(span: Span, why: &str) -> Diagnostic {
    Diagnostic::error(codes::BAD_SPLIT, format!("{why} cannot be split: it is executed as a whole"))
        .at(span, "split by a declaration")
        .help("write the halves as two steps")
}

/// A split between a `let` and its use.
pub fn split_cuts_let(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(codes::BAD_SPLIT, format!("`{name}` is bound in the first half and used in the second"))
        .at(span, "this step is split between the two")
        .help(format!("make `{name}` a run variable: `var {name}: …` in the protocol's head"))
}

/// A chain without an outcome.
pub fn no_outcome(span: Span) -> Diagnostic {
    Diagnostic::warning(codes::NO_OUTCOME, "this chain has no outcome; the run ends here as `done`")
        .at(span, "the last step")
        .help("say how it ends: `=> done`")
}

/// `resumes` with several runs per subject.
pub fn resumes_many(span: Span, protocol: &str) -> Diagnostic {
    Diagnostic::error(
        codes::BAD_OUTCOME,
        format!("`{protocol}` has several runs per subject, so which one resumes is not clear"),
    )
    .at(span, "resumes a run here")
    .help("use `starts`, or one run per subject")
}

/// A role bound where it is bound already.
pub fn bound_already(role: &Ident, when: &str, earlier: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_ROLE, format!("`{}` is bound {when}, so it cannot be bound here", role.name))
        .at(role.span, "bound again")
        .see(earlier, "bound by this")
        .help(if when == "from the start, as the subject of the run" {
            "leave the `bind` out"
        } else {
            "leave the `bind` out, or name an earlier step"
        })
}

/// A local that two runs of one instance could overwrite.
pub fn shared_local(read: Span, written: Span, name: &str, ty: &str, declared: Span) -> Diagnostic {
    let local = name.rsplit('.').next().unwrap_or(name);
    Diagnostic::error(
        codes::SHARED_LOCAL,
        format!("two runs of one instance share `{name}` and can overwrite it"),
    )
    .at(read, "another run may have written it since")
    .see(written, "written here for a later step of the run")
    .see(declared, "a local of a `concurrent` actor")
    .help(format!(
        "keep it in the run: `var {local}: {ty}` in the protocol's head; or leave out `concurrent`"
    ))
}

/// `branch S …` of a step that begins no branch.
pub fn begins_no_branch(operation: &Ident) -> Diagnostic {
    Diagnostic::error(codes::BAD_BRANCH, format!("`{}` does not begin a branch", operation.name))
        .at(operation.span, "not the first step after a `|->`")
        .help("name the first step of the branch that this is about")
}

/// `outcome w …` of a word that nothing ends with.
pub fn unknown_outcome(word: &Ident, known: &[&str]) -> Diagnostic {
    let error = Diagnostic::error(codes::BAD_OUTCOME, format!("nothing ends with `{}`", word.name))
        .at(word.span, "no chain or `rejects` has this outcome");
    suggest(error, &word.name, known.iter().copied()).help("outcomes are the words after `=>`")
}

/// `=> Done`
pub fn outcome_case(word: &Ident) -> Diagnostic {
    Diagnostic::error(codes::BAD_OUTCOME, format!("`{}` is not a lower-case word", word.name))
        .at(word.span, "outcomes are written in lower case")
        .help(format!("write `{}`", word.name.to_lowercase()))
}

/// `rejects` of a step whose guard is never false.
pub fn never_rejects(operation: &str, span: Span, step: Span) -> Diagnostic {
    Diagnostic::warning(codes::NEVER_REJECTS, format!("`{operation}` has no guard, so it never rejects"))
        .at(span, "never happens")
        .see(step, "without a guard")
        .help("give the step a guard, or remove the declaration")
}

/// A segment that begins a chain without a begin event, or is all of it.
pub fn segment_at_start(span: Span, step: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_SEGMENT, "a run has to begin before its steps can happen once for each")
        .at(span, "happens once for each, from the start of the chain")
        .see(step, "the first step")
        .help("let a step of the run itself come first; or, if others follow, begin the run with a `let` in the head")
}

/// Two segments that share steps.
pub fn segments_overlap(span: Span, earlier: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_SEGMENT, "a step happens once for each of two things at once")
        .at(span, "shares steps with another")
        .see(earlier, "this one")
        .help("`join` the first at or before the step where the second begins")
}

/// A hand-over that would have to say which sub-run it means, and leave the others where they are.
pub fn into_sub_run(operation: &Ident) -> Diagnostic {
    let what =
        format!("a run cannot be moved to `{}`, in the middle of what happens once for each", operation.name);
    Diagnostic::error(codes::BAD_SEGMENT, what)
        .at(operation.span, "each sub-run comes here by itself")
        .help("name the step with which the sub-runs begin, or the one that waits for them")
}

/// A role of a run that its sub-runs would bind again.
pub fn shared_role(name: &str, span: Span, parent: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_SEGMENT, format!("`{name}` acts both in the run and in its sub-runs"))
        .at(span, "each sub-run binds its own instance")
        .see(parent, "the run binds one, too")
        .help(format!("give one of them a name of its own: `role other_{name}: {name}`"))
}
