//! The shapes of ownership that the notes give to archetypes are the ones that are recognised in their models.

use arch_ir::{Program, VarId};
use arch_sema::ownership::{Ownership, ownerships};
use archc_tests::{check, repository, specs_below};

/// Shape, owner, expiry, generation; what an archetype does not have is empty.
type Expected = (&'static str, &'static str, &'static str, &'static str);

/// The notes' "ownership mode", and for those without one what their fields say.
const CATALOGUE: [(&str, Expected); 11] = [
    (
        "I01_coordination_metadata",
        ("lease-backed", "LeaseState.holder_id", "LeaseState.expiry_at", "LeadershipState.term"),
    ),
    (
        "I02_claim_lease",
        ("lease-backed", "ClaimState.owner_id", "LeaseState.expiry_at", "OwnerEpoch.current"),
    ),
    ("I03_due_time_release", ("attempt-scoped", "", "", "AttemptState.attempt_id")),
    (
        "I04_frontier_scan",
        ("lease-backed", "ClaimState.owner_id", "ClaimState.expiry_at", "ClaimState.epoch"),
    ),
    (
        "I09_id_generation",
        ("lease-backed", "RangeLeaseState.owner_id", "RangeLeaseState.expiry_at", "EpochState.current"),
    ),
    (
        "I10_membership_registry",
        (
            "lease-backed",
            "MemberState.member_id",
            "PresenceState.last_heartbeat_at",
            "MemberState.incarnation",
        ),
    ),
    ("I12_workflow_effects", ("attempt-scoped", "", "", "DeliveryAttemptState.attempt_id")),
    (
        "I15_execution_fleet",
        (
            "attempt-scoped on lease-backed",
            "ExecutionLeaseState.owner_id",
            "ExecutionLeaseState.expiry_at",
            "ExecutionAttemptState.attempt_id",
        ),
    ),
    (
        "I19_chunk_storage",
        ("lease-backed", "WriterLeaseState.owner_id", "WriterLeaseState.expiry_at", "MetadataState.version"),
    ),
    ("I20_dataflow_dag", ("attempt-scoped", "", "", "TaskAttemptState.attempt_id")),
    ("classics/philosophers", ("owner-only", "Fork.held_by", "", "")),
];

/// The ownerships of a program, as they are expected.
fn recognised(program: &Program) -> Vec<[String; 4]> {
    let name = |var: Option<VarId>| var.map(|v| program.vars[v].name.clone()).unwrap_or_default();
    let of = |o: Ownership| {
        [o.shape(), name(o.owner.map(|(v, _)| v)), name(o.expiry), name(o.generation.map(|(v, _)| v))]
    };
    ownerships(program).into_iter().map(of).collect()
}

#[test]
fn shapes_of_the_catalogue_are_recognised() {
    let specs = repository("specs");
    let paths = specs_below(&specs).into_iter().filter(|p| !p.starts_with(specs.join("tour")));
    let mut seen = 0;
    for path in paths {
        let name = path.strip_prefix(&specs).expect("below it").with_extension("");
        let name = name.to_string_lossy();
        let text = std::fs::read_to_string(&path).expect("a spec");
        let program = check(&name, &text).program.expect("a model");
        let expected = CATALOGUE.iter().filter(|(spec, _)| *spec == name);
        let expected: Vec<_> =
            expected.map(|(_, (a, b, c, d))| [a, b, c, d].map(|t| (*t).to_string())).collect();
        assert_eq!(recognised(&program), expected, "{name}");
        seen += expected.len();
    }
    assert_eq!(seen, CATALOGUE.len());
}
