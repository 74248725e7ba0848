//! Who asks, and as which actor's instance it may act: actor X only as itself.

#[cfg(feature = "jwt")]
mod jwt;
#[cfg(feature = "tls")]
mod spiffe;

#[cfg(feature = "jwt")]
pub use jwt::{Jwt, JwtError, JwtOptions};
#[cfg(feature = "tls")]
pub use spiffe::Spiffe;

pub use axum::http::HeaderMap;
use smol_str::SmolStr;
use std::net::SocketAddr;
use std::sync::Arc;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The URIs of its client certificate's subject, if it showed one that our authority signed.
    pub certificate: Option<Arc<[SmolStr]>>,
}

/// Who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Its name: the scope of its idempotency keys.
    pub name: SmolStr,
    /// As whom it may act.
    pub acts: Acts,
}

/// As whom somebody may act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Acts {
    /// As everybody: there is no authentication.
    Anyone,
    /// As these instances: actor and id.
    As(Vec<(SmolStr, SmolStr)>),
}

/// Why somebody cannot act.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ActError {
    /// The request does not say as whom, and there is more than one answer.
    #[error("self is missing: which {0} acts?")]
    Unnamed(SmolStr),
    /// It is somebody else.
    #[error("{who} may not act as {actor}{}", instance.as_ref().map(|i| format!("/{i}")).unwrap_or_default())]
    Forbidden {
        /// Who asks.
        who: SmolStr,
        /// The actor.
        actor: SmolStr,
        /// The instance that was asked for.
        instance: Option<SmolStr>,
    },
}

/// Nobody is known to ask.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unauthenticated(pub String);

/// Finds out who asks.
pub trait Authenticate: Send + Sync + 'static {
    /// Who asks.
    ///
    /// # Errors
    /// It does not say, or it cannot be believed.
    fn authenticate(&self, peer: &Peer, headers: &HeaderMap) -> Result<Identity, Unauthenticated>;
}

/// Believes everybody everything: for a loopback address, and tests.
#[derive(Clone, Copy, Default, Debug)]
pub struct Open;

impl Authenticate for Open {
    fn authenticate(&self, _: &Peer, _: &HeaderMap) -> Result<Identity, Unauthenticated> {
        Ok(Identity { name: "anonymous".into(), acts: Acts::Anyone })
    }
}

impl Identity {
    /// The instance as which it acts in an operation of this actor; `given` is what the request says.
    ///
    /// # Errors
    /// It may not, or does not say which.
    pub fn act_as(&self, actor: &SmolStr, given: Option<SmolStr>) -> Result<SmolStr, ActError> {
        let Acts::As(instances) = &self.acts else {
            return given.ok_or_else(|| ActError::Unnamed(actor.clone()));
        };
        let mut own = instances.iter().filter(|(a, _)| a == actor).map(|(_, id)| id);
        let allowed = match &given {
            Some(id) => own.find(|own| *own == id).is_some(),
            None => match (own.next(), own.next()) {
                (Some(only), None) => return Ok(only.clone()),
                (Some(_), Some(_)) => return Err(ActError::Unnamed(actor.clone())),
                (None, _) => false,
            },
        };
        match given {
            Some(id) if allowed => Ok(id),
            instance => Err(ActError::Forbidden { who: self.name.clone(), actor: actor.clone(), instance }),
        }
    }
}

/// `worker/w1` as actor and instance.
#[cfg(any(feature = "jwt", feature = "tls"))]
fn instance(text: &str) -> Option<(SmolStr, SmolStr)> {
    let (actor, id) = text.split_once('/')?;
    (!actor.is_empty() && !id.is_empty()).then(|| (actor.into(), id.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(instances: &[(&str, &str)]) -> Identity {
        let acts = Acts::As(instances.iter().map(|(a, i)| ((*a).into(), (*i).into())).collect());
        Identity { name: "n".into(), acts }
    }

    #[test]
    fn everybody_acts_only_as_itself() {
        let worker = SmolStr::from("worker");
        let one = identity(&[("worker", "w1"), ("client", "c1")]);
        assert_eq!(one.act_as(&worker, Some("w1".into())), Ok("w1".into()));
        assert_eq!(one.act_as(&worker, None), Ok("w1".into()));
        let forbidden = |r: Result<_, ActError>| matches!(r, Err(ActError::Forbidden { .. }));
        assert!(forbidden(one.act_as(&worker, Some("w2".into()))));
        assert!(forbidden(one.act_as(&worker, Some("c1".into()))));
        assert!(forbidden(one.act_as(&"server".into(), None)));
        let two = identity(&[("worker", "w1"), ("worker", "w2")]);
        assert_eq!(two.act_as(&worker, None), Err(ActError::Unnamed(worker.clone())));
        assert_eq!(two.act_as(&worker, Some("w2".into())), Ok("w2".into()));
        assert_eq!(Open.authenticate(&peer(), &HeaderMap::new()).map(|i| i.acts), Ok(Acts::Anyone));
    }

    fn peer() -> Peer {
        Peer { address: ([127, 0, 0, 1], 1).into(), certificate: None }
    }
}
