//! Bearer tokens: JWTs signed by a key of a local JWKS file. `arch_actors` (a list) or else `sub` names the actor's instance:
//! `worker/w1`.

use super::{Acts, Authenticate, Identity, Peer, Unauthenticated, instance};
use crate::watched::Watched;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use smol_str::SmolStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How tokens are checked.
#[derive(Clone, Debug)]
pub struct JwtOptions {
    /// The keys: a JWKS file. It is read again when it has changed: at once when a token names a key that is not in it, else after a
    /// few seconds, so that a key that was taken out of it is soon worth nothing.
    pub jwks: PathBuf,
    /// Who must have issued a token, if it matters.
    pub issuer: Option<String>,
    /// For whom a token must be.
    pub audience: String,
}

/// Keys that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JwtError {
    /// The file cannot be read.
    #[error("auth.jwks: {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// It is no JWKS.
    #[error("auth.jwks: {} is no JWKS: {why}", path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

/// Believes bearer tokens.
pub struct Jwt {
    options: JwtOptions,
    keys: Watched<Arc<JwkSet>>,
}

#[derive(Deserialize)]
struct Claims {
    sub: SmolStr,
    #[serde(default)]
    arch_actors: Option<Vec<SmolStr>>,
}

impl Jwt {
    /// Reads the keys.
    ///
    /// # Errors
    /// They cannot be read, or there are none.
    pub fn new(options: JwtOptions) -> Result<Jwt, JwtError> {
        let path = options.jwks.clone();
        let keys = Watched::new(vec![path.clone()], move || keys(&path).map(Arc::new))?;
        Ok(Jwt { options, keys })
    }

    /// The same, looking so often whether the keys have changed.
    #[must_use]
    pub fn rereading(self, every: Duration) -> Jwt {
        Jwt { keys: self.keys.every(every), ..self }
    }

    fn claims(&self, token: &str) -> Result<Claims, String> {
        let header = decode_header(token).map_err(|e| e.to_string())?;
        let id = header.kid.as_deref();
        let key = find(&self.keys.current(), id).or_else(|| find(&self.keys.fresh(), id));
        let key = key.ok_or("it is signed by a key that is not known")?;
        // The key says which algorithm it is for, where it does; never the token alone: the library refuses an algorithm of
        // another family than the key's.
        let stated = key.common.key_algorithm.and_then(|a| a.to_string().parse().ok());
        let mut validation = Validation::new(stated.unwrap_or(header.alg));
        validation.set_audience(&[&self.options.audience]);
        let mut required = vec!["exp", "aud", "sub"];
        if let Some(issuer) = &self.options.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        validation.validate_nbf = true;
        validation.leeway = Duration::from_secs(30).as_secs();
        let key = DecodingKey::from_jwk(&key).map_err(|e| e.to_string())?;
        decode::<Claims>(token, &key, &validation).map(|token| token.claims).map_err(|e| e.to_string())
    }
}

/// The key that a token names.
fn find(keys: &JwkSet, id: Option<&str>) -> Option<Jwk> {
    match id {
        Some(id) => keys.find(id).cloned(),
        // A set of one key needs no names.
        None => keys.keys.first().filter(|_| keys.keys.len() == 1).cloned(),
    }
}

fn keys(path: &Path) -> Result<JwkSet, JwtError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| JwtError::File { path: path.to_owned(), error })?;
    let set = serde_json::from_str::<JwkSet>(&text);
    let set = set.map_err(|e| JwtError::Keys { path: path.to_owned(), why: e.to_string() })?;
    // Keys of kinds that are not known are skipped, as RFC 7517 wants it; one must be left.
    if !set.keys.iter().any(|key| DecodingKey::from_jwk(key).is_ok()) {
        return Err(JwtError::Keys { path: path.to_owned(), why: "it has no key that can be used".into() });
    }
    Ok(set)
}

impl Authenticate for Jwt {
    fn authenticate(&self, _: &Peer, headers: &HeaderMap) -> Result<Identity, Unauthenticated> {
        let token = bearer(headers).map_err(|why| Unauthenticated(why.into()))?;
        let claims = self.claims(token);
        let claims = claims.map_err(|why| Unauthenticated(format!("the token is not valid: {why}")))?;
        let Claims { sub, arch_actors } = claims;
        let acts = match &arch_actors {
            Some(actors) => actors.iter().filter_map(|a| instance(a)).collect(),
            None => instance(&sub).into_iter().collect(),
        };
        Ok(Identity { name: sub, acts: Acts::As(acts) })
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, &'static str> {
    let given = headers.get(AUTHORIZATION).ok_or("there is no bearer token")?;
    let text = given.to_str().map_err(|_| "the Authorization header is not text")?;
    let (scheme, token) = text.split_once(' ').ok_or("the Authorization header has no token")?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err("the Authorization header is not of scheme Bearer");
    }
    Ok(token.trim())
}
