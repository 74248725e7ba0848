//! Fencing tokens: what an outgoing call carries so that its receiver can refuse a holder that was replaced.
//!
//! A lease says who *should* act, an epoch says who may: epochs are safety, leases only liveness.
//!
//! What a handler asks of other services carries a token by itself: the run on whose behalf it acts, in the version that the run
//! has then ([`current`]). The receiver refuses what is older than what it has seen ([`Gate`]).

use crate::store::{Store, StoreError};
use crate::value::RowKey;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use tokio::sync::OnceCell;

/// The HTTP header that carries a token.
pub const HEADER: &str = "fencing-token";

/// The right to act for a row as of an epoch. Text: `ClaimState/k1/7`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FencingToken {
    /// What is protected: a row, as [`crate::RowKey::text`] writes it; behind the name of its service and a colon where it is
    /// told to other services.
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

tokio::task_local! {
    static HOLDER: Arc<Holder>;
}

/// The run on whose behalf a handler acts, and as of when, which is looked up when something is first asked.
///
/// What a handler does before that has no effect elsewhere, so it is as if the request had come then.
pub(crate) struct Holder {
    /// The run, as others are told of it.
    resource: String,
    run: RowKey,
    store: Arc<dyn Store>,
    token: OnceCell<FencingToken>,
}

impl Holder {
    /// A run of a service; with the token by which its call was handed over, if that is about the run.
    pub(crate) fn new(
        service: &str,
        run: RowKey,
        store: Arc<dyn Store>,
        given: Option<&FencingToken>,
    ) -> Holder {
        let own = run.text(store.schema());
        let resource = format!("{service}:{own}");
        let given = given.filter(|token| token.resource == own);
        let token = given.map(|token| FencingToken { resource: resource.clone(), epoch: token.epoch });
        Holder { resource, run, store, token: OnceCell::new_with(token) }
    }

    async fn token(&self) -> Result<FencingToken, StoreError> {
        let look = || async {
            let row = self.store.read(std::slice::from_ref(&self.run)).await?.into_iter().next().flatten();
            Ok(FencingToken { resource: self.resource.clone(), epoch: row.map_or(0, |row| row.version) })
        };
        self.token.get_or_try_init(look).await.cloned()
    }
}

/// A future during which [`current`] is the token of this holder.
pub(crate) async fn acting<F: Future>(holder: Option<Holder>, future: F) -> F::Output {
    match holder {
        Some(holder) => HOLDER.scope(Arc::new(holder), future).await,
        None => future.await,
    }
}

/// The right under which the handler acts that this task executes: `jobs:processing/ann/3`, the run and its version when the
/// handler first asks, or when it was handed over. It stays the same for the whole call. None outside of handlers, in tasks that a
/// handler has spawned, and for rules, which have no run.
///
/// # Errors
/// The run cannot be read.
pub async fn current() -> Result<Option<FencingToken>, StoreError> {
    match HOLDER.try_with(Arc::clone) {
        Ok(holder) => holder.token().await.map(Some),
        Err(_) => Ok(None),
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
