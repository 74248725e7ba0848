//! Bearer tokens: JWTs signed by a key of a local JWKS file. `arch_actors` (a list) or else `sub` names the actor's instance:
//! `worker/w1`.

use super::{Acts, Authenticate, Identity, Peer, Unauthenticated, instance};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use smol_str::SmolStr;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// How tokens are checked.
#[derive(Clone, Debug)]
pub struct JwtOptions {
    /// The keys: a JWKS file. Read again when a token names a key that is not in it and the file has changed.
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
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// It is no JWKS.
    #[error("{} is no JWKS: {why}", path.display())]
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
    keys: RwLock<Keys>,
}

struct Keys {
    set: JwkSet,
    modified: Option<SystemTime>,
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
        let keys = RwLock::new(Keys::read(&options)?);
        Ok(Jwt { options, keys })
    }

    fn key(&self, id: Option<&str>) -> Option<Jwk> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        match id {
            Some(id) => keys.set.find(id).cloned(),
            // A set of one key needs no names.
            None => keys.set.keys.first().filter(|_| keys.set.keys.len() == 1).cloned(),
        }
    }

    /// Reads the keys again if the file has changed.
    fn refresh(&self) {
        let modified = modified(&self.options);
        if self.keys.read().unwrap_or_else(PoisonError::into_inner).modified == modified {
            return;
        }
        match Keys::read(&self.options) {
            Ok(keys) => *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys,
            Err(error) => tracing::warn!(%error, "the old keys are kept"),
        }
    }

    fn claims(&self, token: &str) -> Result<Claims, String> {
        let header = decode_header(token).map_err(|e| e.to_string())?;
        let id = header.kid.as_deref();
        let key = self.key(id).or_else(|| {
            self.refresh();
            self.key(id)
        });
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

impl Keys {
    fn read(options: &JwtOptions) -> Result<Keys, JwtError> {
        let path = || options.jwks.clone();
        let modified = modified(options);
        let text = std::fs::read_to_string(&options.jwks);
        let text = text.map_err(|error| JwtError::File { path: path(), error })?;
        let set = serde_json::from_str::<JwkSet>(&text);
        let set = set.map_err(|e| JwtError::Keys { path: path(), why: e.to_string() })?;
        // Keys of kinds that are not known are skipped, as RFC 7517 wants it; one must be left.
        if !set.keys.iter().any(|key| DecodingKey::from_jwk(key).is_ok()) {
            return Err(JwtError::Keys { path: path(), why: "it has no key that can be used".into() });
        }
        Ok(Keys { set, modified })
    }
}

fn modified(options: &JwtOptions) -> Option<SystemTime> {
    std::fs::metadata(&options.jwks).and_then(|m| m.modified()).ok()
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
