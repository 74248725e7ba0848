//! Ownership that lacks one of its fields.

use crate::codes;
use arch_base::{Diagnostic, Span};

/// A step's name, and where it is written.
type Named<'a> = (&'a str, Span);

/// An owner that is written unseen.
pub fn overwritten((step, place): Named<'_>, owner: &str) -> Diagnostic {
    let message = format!("`{step}` writes `{owner}`, whoever it is, and there is no version");
    Diagnostic::warning(codes::OWNER_OVERWRITTEN, message)
        .at(place, "the owner that it overwrites never learns of it")
        .help(format!(
            "look at the owner (`{owner} = null`), or give it a version that this step compares and advances"
        ))
}

/// A renewal by anybody.
pub fn renewed_by_anybody(
    (step, place): Named<'_>,
    [owner, expiry]: [&str; 2],
    compared: Span,
) -> Diagnostic {
    let message = format!("`{step}` renews `{expiry}`, whoever has it");
    Diagnostic::warning(codes::RENEWED_BY_ANYBODY, message)
        .at(place, "a former holder renews its successor's lease, and acts on")
        .see(compared, "true of anybody's lease")
        .help(format!("`on {step} requires {{{owner} = self}}`, or compare an epoch, which tells two leases of one holder apart"))
}

/// A lease without an owner.
pub fn nobodys((step, place): Named<'_>, lease: &str, compared: Span) -> Diagnostic {
    let message = format!("`{step}` acts on the lease `{lease}`, and nothing says whose it is");
    Diagnostic::warning(codes::LEASE_OF_NOBODY, message)
        .at(place, "everybody who had the lease gets here while anybody has it")
        .see(compared, "says until when, not for whom")
        .help("add an owner beside the expiry (`owner_id: ACTOR?`), written where the lease is taken and compared here")
}

/// A shape that the header names and the spec does not have.
pub fn not_the_shape(declared: &str, missing: &str, at: Span) -> Diagnostic {
    let message = format!("the header says {declared}, and {missing}");
    Diagnostic::warning(codes::NOT_THE_SHAPE, message)
        .at(at, "the ownership as it is described")
        .help("owner-only: an owner, and a version or a guard on the owner; lease-backed: an owner, and an expiry because of which it is taken away; attempt-scoped: an attempt that is advanced and compared")
}

/// An attribute that the header names and that does not exist.
pub fn no_such_attribute(name: &str, at: Span) -> Diagnostic {
    Diagnostic::warning(codes::NOT_THE_SHAPE, format!("the header names `{name}`, which is no attribute"))
        .at(at, "the ownership as it is described")
        .help("name attributes as they are declared, such as `LeaseState.owner_id`")
}
