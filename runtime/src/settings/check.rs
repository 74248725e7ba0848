//! What no single key can say: values that must fit each other.

use super::{AuthMode, Settings, SettingsError, Target, redacted};

impl Settings {
    /// Checks what the types do not; `wrong` makes the error of a key.
    pub(super) fn check(&self, wrong: impl Fn(&str, String) -> SettingsError) -> Result<(), SettingsError> {
        self.check_auth(&wrong)?;
        self.check_store(&wrong)?;
        if !(0.0..=1.0).contains(&self.monitor.sample) {
            return Err(wrong("monitor.sample", format!("{} is not between 0 and 1", self.monitor.sample)));
        }
        for (key, value) in
            [("http.body_limit", self.http.body_limit), ("http.connections", self.http.connections)]
        {
            if value == 0 {
                return Err(wrong(key, "0 would refuse everything".into()));
            }
        }
        for (name, target) in &self.outbox.targets {
            check_target(target)
                .map_err(|(part, why)| wrong(&format!("outbox.targets.{name}{part}"), why))?;
        }
        if let Some(url) = &self.telemetry.endpoint {
            if cfg!(not(feature = "otel")) {
                return Err(wrong("telemetry.endpoint", needs("otel")));
            }
            check_endpoint(url).map_err(|why| wrong("telemetry.endpoint", why))?;
        }
        Ok(())
    }

    fn check_auth(&self, wrong: impl Fn(&str, String) -> SettingsError) -> Result<(), SettingsError> {
        let listen = self.http.listen;
        let lacks = |key: &str| Err(wrong(key, "is missing, and auth.mode needs it".into()));
        match self.auth.mode {
            AuthMode::Off if listen.ip().is_loopback() => Ok(()),
            AuthMode::Off => Err(wrong(
                "auth.mode",
                format!("\"off\" is for loopback addresses only, and http.listen is {listen}"),
            )),
            AuthMode::Jwt if cfg!(not(feature = "jwt")) => {
                Err(wrong("auth.mode", format!("\"jwt\" {}", needs("jwt"))))
            }
            AuthMode::Mtls if cfg!(not(feature = "tls")) => {
                Err(wrong("auth.mode", format!("\"mtls\" {}", needs("tls"))))
            }
            AuthMode::Jwt if self.auth.jwks.is_none() => lacks("auth.jwks"),
            AuthMode::Jwt if self.auth.audience.is_none() => lacks("auth.audience"),
            AuthMode::Mtls if self.auth.trust_domain.is_none() => lacks("auth.trust_domain"),
            AuthMode::Mtls if self.tls.as_ref().is_none_or(|t| t.client_authority.is_none()) => {
                lacks("tls.client_authority")
            }
            AuthMode::Jwt | AuthMode::Mtls => Ok(()),
        }?;
        if self.tls.is_some() && cfg!(not(feature = "tls")) {
            return Err(wrong("tls", needs("tls")));
        }
        Ok(())
    }

    fn check_store(&self, wrong: impl Fn(&str, String) -> SettingsError) -> Result<(), SettingsError> {
        let scheme = self.store.url.split(':').next().unwrap_or_default();
        let feature = |name: &str| Err(wrong("store.url", needs(name)));
        if self.store.tls_authority.is_some() {
            match scheme {
                "postgres" | "postgresql" if cfg!(not(feature = "postgres-tls")) => {
                    return Err(wrong("store.tls_authority", needs("postgres-tls")));
                }
                "etcd" if cfg!(not(feature = "tls")) => {
                    return Err(wrong("store.tls_authority", needs("tls")));
                }
                _ => {}
            }
        }
        match scheme {
            "" | "sqlite" if cfg!(not(feature = "sqlite")) => feature("sqlite"),
            "postgres" | "postgresql" if cfg!(not(feature = "postgres")) => feature("postgres"),
            "etcd" if cfg!(not(feature = "etcd")) => feature("etcd"),
            "" | "memory" | "sqlite" | "postgres" | "postgresql" | "etcd" => Ok(()),
            _ => {
                let all = "`sqlite:<path>`, `postgres://…`, `etcd://…`, `memory:`";
                Err(wrong("store.url", format!("is none of {all}")))
            }
        }
    }

    /// Fills in what depends on the service's name.
    pub(super) fn complete(mut self, service: &str) -> Settings {
        if self.store.url.is_empty() {
            self.store.url = format!("sqlite:{service}.db");
        }
        self
    }

    /// The configuration as TOML, without secrets.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut shown = self.clone();
        shown.store.url = redacted(&self.store.url);
        if let Some(url) = &mut shown.telemetry.endpoint {
            *url = redacted(url);
        }
        // Settings are tables of plain values.
        toml::to_string_pretty(&shown).unwrap_or_default()
    }
}

/// What is said of a setting for which the runtime was not built.
fn needs(feature: &str) -> String {
    format!("needs the feature `{feature}` of arch-runtime")
}

/// Whether a collector can be asked there.
fn check_endpoint(url: &str) -> Result<(), String> {
    match scheme_of(url)?.as_str() {
        "http" => Ok(()),
        _ => Err(format!("`{}` is no `http://` URL", redacted(url))),
    }
}

/// Whether messages can be sent there: what is wrong, and in which part.
fn check_target(target: &Target) -> Result<(), (&'static str, String)> {
    let Target { url, token, token_file, authority } = target;
    let scheme = scheme_of(url).map_err(|why| ("", why))?;
    match scheme.as_str() {
        "http" if authority.is_some() => {
            Err((".authority", format!("is for `https://`, and `{}` is not", redacted(url))))
        }
        "https" if cfg!(not(feature = "tls")) => Err(("", needs("tls"))),
        "https" if authority.is_none() => {
            Err((".authority", "is missing: whose certificate must the receiver show? (a PEM file)".into()))
        }
        "http" | "https" if token.is_some() && token_file.is_some() => {
            Err((".token", "there is a token_file, too: one of them is enough".into()))
        }
        "http" | "https" => Ok(()),
        _ => Err(("", format!("`{}` is no `http://` or `https://` URL", redacted(url)))),
    }
}

fn scheme_of(url: &str) -> Result<String, String> {
    let uri: axum::http::Uri = url.parse().map_err(|e| format!("`{}` is no URL: {e}", redacted(url)))?;
    let scheme = uri.scheme_str().filter(|_| uri.host().is_some_and(|host| !host.is_empty()));
    Ok(scheme.unwrap_or_default().to_owned())
}
