//! Fencing tokens: what an outgoing call carries so that its receiver can refuse a holder that was replaced.
//!
//! A lease says who *should* act, an epoch says who may: epochs are safety, leases only liveness.

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;

/// The HTTP header that carries a token.
pub const HEADER: &str = "fencing-token";

/// The right to act for a row as of an epoch. Text: `ClaimState/k1/7`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FencingToken {
    /// What is protected: a row, as [`crate::RowKey::text`] writes it.
    pub resource: String,
    /// The epoch; a greater one replaces a smaller one.
    pub epoch: u64,
}

impl FencingToken {
    /// Reads a token; none if the text is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<FencingToken> {
        let (resource, epoch) = text.rsplit_once('/')?;
        let digits = !epoch.is_empty() && epoch.bytes().all(|b| b.is_ascii_digit());
        let epoch = epoch.parse().ok().filter(|_| digits && !resource.is_empty())?;
        Some(FencingToken { resource: resource.to_owned(), epoch })
    }
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.resource, self.epoch)
    }
}

/// A token older than one that was accepted before.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{presented} is stale: epoch {accepted} was accepted before")]
pub struct Stale {
    /// What was presented.
    pub presented: FencingToken,
    /// The greatest epoch accepted for the resource.
    pub accepted: u64,
}

/// What a receiver of fenced calls needs: the greatest epoch accepted of each resource.
///
/// In memory; a receiver that restarts must keep the epochs with what it protects, and load them with [`Gate::accept`].
#[derive(Debug, Default)]
pub struct Gate {
    accepted: Mutex<HashMap<String, u64>>,
}

impl Gate {
    /// Accepts a token unless a greater one of the same resource was accepted before.
    ///
    /// # Errors
    /// The token is stale.
    pub fn accept(&self, token: &FencingToken) -> Result<(), Stale> {
        let mut accepted = self.accepted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let greatest = accepted.entry(token.resource.clone()).or_insert(token.epoch);
        if token.epoch < *greatest {
            return Err(Stale { presented: token.clone(), accepted: *greatest });
        }
        *greatest = token.epoch;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_read_back() {
        let token = FencingToken { resource: "ClaimState/a%2Fb".into(), epoch: 7 };
        assert_eq!(token.to_string(), "ClaimState/a%2Fb/7");
        assert_eq!(FencingToken::parse(&token.to_string()), Some(token));
        for wrong in ["", "7", "/7", "a/", "a/-1", "a/+1", "a/x", "a/18446744073709551616"] {
            assert_eq!(FencingToken::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_replaced_holder_is_refused() {
        let gate = Gate::default();
        let token = |epoch| FencingToken { resource: "r".into(), epoch };
        assert_eq!(gate.accept(&token(2)), Ok(()));
        assert_eq!(gate.accept(&token(2)), Ok(()));
        assert_eq!(gate.accept(&token(3)), Ok(()));
        assert_eq!(gate.accept(&token(2)), Err(Stale { presented: token(2), accepted: 3 }));
    }
}
