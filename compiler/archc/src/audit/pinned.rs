//! What the lock keeps of an audit: for each part what it is for, as a phrase.

use super::{Audit, Audited, Class};
use crate::outcome::{ExitStatus, Headline, Verdict};
use crate::verdict::Judgement;
use std::collections::BTreeMap;

/// Every part by its identity, with its class and what the class rests on.
#[must_use]
pub fn classes(audit: &Audit) -> BTreeMap<String, String> {
    audit.items.iter().map(|a| (a.item.id.clone(), phrase(a))).collect()
}

/// How long the behaviours are is left out: other steps decide that, too.
fn phrase(audited: &Audited) -> String {
    let word = audited.class.word();
    let accepted = if audited.accepted.is_some() { ", accepted" } else { "" };
    match (audited.class, &audited.breaks, audited.masked_by.first()) {
        (Class::LoadBearing, Some(breaks), _) => format!("{word} for {}", breaks.name),
        (Class::Masked, _, Some(mask)) => format!("{word} by {} for {}{accepted}", mask.by, mask.breaks.name),
        (Class::Harmful, ..) => format!("{word} to {}", audited.repairs.join(", ")),
        _ => format!("{word}{accepted}"),
    }
}

/// Why an audit cannot be kept, if it cannot: something is open, or not as the spec declares it.
#[must_use]
pub fn refusal(audit: &Audit, verdict: Verdict) -> Option<Judgement> {
    let (status, word, parts) = match audit.status(false) {
        ExitStatus::Violated => {
            let refuted = audit.claims.iter().filter(|c| c.refuted).filter_map(|c| c.remark.clone());
            (ExitStatus::Violated, "REFUTED", refuted.map(|r| format!("declared redundant: {r}")).collect())
        }
        ExitStatus::Inconclusive => {
            let open = audit.items.iter().filter(|a| a.class == Class::Inconclusive);
            let why = audit.open.iter().chain(open.filter_map(|a| a.open.as_ref()));
            let mut parts = vec!["the audit is open".to_owned()];
            parts.extend(why.take(1).cloned());
            (ExitStatus::Inconclusive, "INCONCLUSIVE", parts)
        }
        _ => return None,
    };
    Some(Judgement { verdict, status, as_expected: None, headline: Headline { word, parts } })
}
