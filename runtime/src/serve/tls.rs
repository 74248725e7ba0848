//! TLS from PEM files: `ring`, TLS 1.2 and 1.3, client certificates if there is an authority for them.

use crate::settings::Tls;
use crate::watched::Watched;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme, crypto,
};

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

/// Believes the one certificate of a file, whatever its names and authorities are: for a process that asks its own service.
pub(crate) fn pinned(path: &Path) -> Result<ClientConfig, TlsError> {
    let own = certificates("tls.certificate", path)?.swap_remove(0);
    let provider = Arc::new(crypto::ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| wrong("tls.certificate", path)(e.to_string()))?;
    let verifier = Arc::new(Pinned { own, algorithms });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

#[derive(Debug)]
struct Pinned {
    own: CertificateDer<'static>,
    algorithms: crypto::WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *shown == self.own {
            return Ok(ServerCertVerified::assertion());
        }
        let why = "it is not that of tls.certificate, which may have been exchanged just now";
        Err(rustls::Error::General(format!("the service shows another certificate: {why}")))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn private_key(key: &'static str, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|e| wrong(key, path)(e.to_string()))
}

/// Makes TLS of a server's connections, by certificates that may be exchanged while it runs: connections that are made a few seconds
/// later have the new ones. Those that there are stay.
pub struct Acceptor(Watched<TlsAcceptor>);

impl Acceptor {
    /// The same, looking so often whether the files have changed.
    #[must_use]
    pub fn rereading(self, every: Duration) -> Acceptor {
        Acceptor(self.0.every(every))
    }

    /// By the certificates as they are.
    pub(super) fn current(&self) -> TlsAcceptor {
        self.0.current()
    }
}

/// What makes TLS of a server's connections.
///
/// # Errors
/// A file is missing, or not what it should be.
pub fn acceptor(tls: &Tls) -> Result<Acceptor, TlsError> {
    let tls = tls.clone();
    let files = [&tls.certificate, &tls.key].into_iter().chain(&tls.client_authority).cloned().collect();
    Watched::new(files, move || read(&tls)).map(Acceptor)
}

fn read(tls: &Tls) -> Result<TlsAcceptor, TlsError> {
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
