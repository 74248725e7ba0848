//! Client certificates: a SPIFFE id names the actor's instance, `spiffe://<trust domain>/<actor>/<instance>`.
//!
//! That the certificate is signed by the authority, and is valid now, was checked in the handshake.

use super::{Acts, Authenticate, Identity, Peer, Unauthenticated, instance};
use axum::http::HeaderMap;
use smol_str::SmolStr;
use std::sync::Arc;
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Believes client certificates of a trust domain.
#[derive(Clone, Debug)]
pub struct Spiffe {
    prefix: String,
}

impl Spiffe {
    /// For a trust domain: `example.org`.
    #[must_use]
    pub fn new(domain: impl AsRef<str>) -> Spiffe {
        Spiffe { prefix: format!("spiffe://{}/", domain.as_ref()) }
    }

    /// The URIs that a client's certificate is for; none if it showed none.
    pub(in super::super) fn uris(chain: Option<&[CertificateDer<'_>]>) -> Option<Arc<[SmolStr]>> {
        let (_, certificate) = X509Certificate::from_der(chain?.first()?).ok()?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.map(|n| n.value.general_names.as_slice()).unwrap_or_default();
        let uri = |name: &GeneralName| match name {
            GeneralName::URI(uri) => Some(SmolStr::from(*uri)),
            _ => None,
        };
        Some(names.iter().filter_map(uri).collect())
    }
}

impl Authenticate for Spiffe {
    fn authenticate(&self, peer: &Peer, _: &HeaderMap) -> Result<Identity, Unauthenticated> {
        let missing = || Unauthenticated("no client certificate was shown".into());
        let uris = peer.certificate.as_deref().ok_or_else(missing)?;
        let own = uris.iter().filter_map(|uri| Some((uri, instance(uri.strip_prefix(&self.prefix)?)?)));
        let own: Vec<_> = own.collect();
        let Some((name, _)) = own.first() else {
            let expected = format!("{}<actor>/<instance>", self.prefix);
            return Err(Unauthenticated(format!("the client certificate has no URI {expected}")));
        };
        let name = (*name).clone();
        Ok(Identity { name, acts: Acts::As(own.into_iter().map(|(_, instance)| instance).collect()) })
    }
}
