//! Problems as gRPC statuses.

use crate::serve::problem::Problem;
use crate::wire::grpc::{DOMAIN, GUARD, READ};
use crate::wire::{FailedGuard, ReadVersion, problem};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// How many bytes of names of rows a status has at most: it is a header, and clients take 8 KiB of these.
const MOST: usize = 2_048;

/// A problem as a status: `google.rpc.ErrorInfo` has its word as reason and what else it says, `PreconditionFailure` the
/// conjuncts of a guard that are false and the versions that were read, `RetryInfo` when to ask again.
pub(super) fn of(problem: &Problem) -> Status {
    let mut details = ErrorDetails::new();
    let scalars = problem.more.iter().filter_map(|(name, value)| match value {
        serde_json::Value::String(text) => Some((name.clone(), text.clone())),
        serde_json::Value::Number(number) => Some((name.clone(), number.to_string())),
        _ => None,
    });
    let mut said: HashMap<String, String> = scalars.collect();
    said.insert("kind".into(), problem.word().into());
    said.insert("status".into(), problem.status.to_string());
    let mut room = MOST;
    let mut fits = |texts: [&str; 2]| {
        let needed: usize = texts.iter().map(|t| t.len()).sum();
        let fits = needed <= room;
        room = if fits { room - needed } else { 0 };
        fits
    };
    let failed: Vec<FailedGuard> = list(problem, "failed");
    let reads: Vec<ReadVersion> = list(problem, "reads");
    let all = failed.len() + reads.len();
    let failed = failed.iter().filter(|f| fits([&f.guard, &f.text])).collect::<Vec<_>>();
    let reads = reads.iter().filter(|r| fits([&r.row, ""])).collect::<Vec<_>>();
    for FailedGuard { guard, text } in &failed {
        details.add_precondition_failure_violation(GUARD, guard.as_str(), text.as_str());
    }
    for ReadVersion { row, version } in &reads {
        details.add_precondition_failure_violation(READ, row.as_str(), version.to_string());
    }
    if failed.len() + reads.len() < all {
        said.insert("left_out".into(), (all - failed.len() - reads.len()).to_string());
    }
    details.set_error_info(reason(problem.word()), DOMAIN, said);
    if let Some(after) = problem.retry_after {
        details.set_retry_info(Some(after));
    }
    let detail: String = problem.detail.chars().take(MOST / 2).collect();
    Status::with_error_details(code(problem.status, problem.word()), detail, details)
}

fn list<T: DeserializeOwned>(problem: &Problem, member: &str) -> Vec<T> {
    let list = problem.more.get(member).cloned().map(serde_json::from_value);
    list.and_then(Result::ok).unwrap_or_default()
}

/// `guard-denied` as `GUARD_DENIED`, which reasons are.
fn reason(word: &str) -> String {
    word.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// The code of a problem. `DEADLINE_EXCEEDED` says that it may have happened all the same, `UNAVAILABLE` that it has not.
fn code(status: u16, word: &str) -> Code {
    match (status, word) {
        (409, problem::GUARD_DENIED) => Code::FailedPrecondition,
        (409, problem::STORE_CONFLICT | problem::KEY_IN_USE) => Code::Aborted,
        (422, problem::KEY_REUSED) => Code::AlreadyExists,
        (503, problem::UNKNOWN_OUTCOME) => Code::DeadlineExceeded,
        (400 | 422, _) => Code::InvalidArgument,
        (401, _) => Code::Unauthenticated,
        (403, _) => Code::PermissionDenied,
        (404, _) => Code::NotFound,
        (413 | 429, _) => Code::ResourceExhausted,
        (408 | 502 | 503 | 504, _) => Code::Unavailable,
        (501, _) => Code::Unimplemented,
        (500.., _) => Code::Internal,
        // What else a handler refuses: asking again does not help before something else has changed.
        _ => Code::FailedPrecondition,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    #[test]
    fn every_problem_has_its_code() {
        for (status, word, expected) in [
            (400, "malformed", Code::InvalidArgument),
            (401, "unauthenticated", Code::Unauthenticated),
            (403, "forbidden", Code::PermissionDenied),
            (404, "not-found", Code::NotFound),
            (408, "slow-request", Code::Unavailable),
            (409, "guard-denied", Code::FailedPrecondition),
            (409, "store-conflict", Code::Aborted),
            (409, "idempotency-key-in-use", Code::Aborted),
            (409, "quota", Code::FailedPrecondition),
            (413, "too-large", Code::ResourceExhausted),
            (422, "idempotency-key-reused", Code::AlreadyExists),
            (422, "odd", Code::InvalidArgument),
            (429, "quota", Code::ResourceExhausted),
            (500, "internal", Code::Internal),
            (503, "unavailable", Code::Unavailable),
            (503, "unknown-outcome", Code::DeadlineExceeded),
            (504, "slow-handler", Code::Unavailable),
        ] {
            assert_eq!(code(status, word), expected, "{status} {word}");
        }
    }

    #[test]
    fn a_status_stays_a_header() {
        let reads: Vec<_> =
            (0..1_000).map(|n| ReadVersion { row: format!("Lease/{n}"), version: 7 }).collect();
        let problem = Problem::new(StatusCode::CONFLICT, problem::GUARD_DENIED, "t", "d".repeat(9_000));
        let problem = problem
            .with("reads", reads)
            .with("failed", [FailedGuard { guard: "g".into(), text: "t".into() }]);
        let status = of(&problem);
        assert!(status.details().len() + status.message().len() < 8_000, "{}", status.details().len());
        let details = status.get_error_details();
        let violations = &details.precondition_failure().expect("violations").violations;
        assert_eq!((&*violations[0].r#type, &*violations[0].subject), ("guard", "g"));
        let left_out: usize =
            details.error_info().expect("info").metadata["left_out"].parse().expect("a number");
        assert_eq!(violations.len() + left_out, 1_001);
    }
}
