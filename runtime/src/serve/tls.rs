//! TLS from PEM files: `ring`, TLS 1.2 and 1.3, client certificates if there is an authority for them.

use crate::settings::Tls;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto};

/// Certificates or keys that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {}: {why}", path.display())]
pub struct TlsError {
    /// The key of the configuration.
    pub key: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub why: String,
}

fn wrong<'a>(key: &'static str, path: &'a Path) -> impl Fn(String) -> TlsError + 'a {
    move |why| TlsError { key, path: path.to_owned(), why }
}

/// All certificates of a PEM file.
pub(crate) fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = wrong(key, path);
    let all = CertificateDer::pem_file_iter(path).map_err(|e| wrong(e.to_string()))?;
    let all: Vec<_> = all.collect::<Result<_, _>>().map_err(|e| wrong(e.to_string()))?;
    if all.is_empty() { Err(wrong("there is no certificate in it".into())) } else { Ok(all) }
}

/// The authorities of a PEM file.
pub(crate) fn authorities(key: &'static str, path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(key, path)? {
        roots.add(certificate).map_err(|e| wrong(key, path)(e.to_string()))?;
    }
    Ok(roots)
}

/// What checks the certificate of a server against the authorities of a file, and shows a certificate of its own (and has its
/// key), if there is one.
pub(crate) fn client(
    key: &'static str,
    path: &Path,
    own: Option<&(PathBuf, PathBuf)>,
) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| wrong(key, path)(e.to_string()))?;
    let builder = builder.with_root_certificates(authorities(key, path)?);
    let Some((certificate, private)) = own else { return Ok(builder.with_no_client_auth()) };
    let (chain, private) = (certificates("certificate", certificate)?, private_key("key", private)?);
    builder
        .with_client_auth_cert(chain, private)
        .map_err(|e| wrong("certificate", certificate)(e.to_string()))
}

fn private_key(key: &'static str, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|e| wrong(key, path)(e.to_string()))
}

/// What makes TLS of a server's connections.
///
/// # Errors
/// A file is missing, or not what it should be.
pub fn acceptor(tls: &Tls) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(crypto::ring::default_provider());
    let chain = certificates("tls.certificate", &tls.certificate)?;
    let key = private_key("tls.key", &tls.key)?;
    let unusable = |e: String| wrong("tls.certificate", &tls.certificate)(e);
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| unusable(e.to_string()))?;
    let builder = match &tls.client_authority {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(authorities("tls.client_authority", path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            let verifier = verifier.map_err(|e| wrong("tls.client_authority", path)(e.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|e| unusable(e.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
