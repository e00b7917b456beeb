//! TLS: the certificates that the client trusts, and the certificate and key that identify the client.

use super::target::Target;
use heirloom_core::environment;
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_platform_verifier::Verifier;
use std::sync::Arc;

/// The variables by which the crate `rustls-native-certs` replaces the system's certificates.
const CERTIFICATES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The settings for this target: the system's certificates are trusted, so that a private certificate authority is accepted too,
/// and the target's own. The client needs settings even for `http`: then they have no certificates, since a system may lack them.
pub(super) fn settings(target: &Target) -> Result<ClientConfig, String> {
    let builder = verifying(target)?;
    let Some((certificates, key)) = &target.identity else { return Ok(builder.with_no_client_auth()) };
    let certificates = certificates_in(certificates.reveal()).ok_or_else(|| failed(&"the client's certificate"))?;
    let key = key_in(key.reveal()).ok_or_else(|| failed(&"the client's key"))?;
    builder.with_client_auth_cert(certificates, key).map_err(|error| failed(&error))
}

fn verifying(target: &Target) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| failed(&error))?;
    if !target.is_https() {
        return Ok(builder.with_root_certificates(RootCertStore::empty()));
    }
    // The verifier would use them. Without a certificate authority of its user, the program can't be deceived.
    if CERTIFICATES.iter().any(|name| environment::is_ignored(name)) {
        let [file, folder] = CERTIFICATES;
        return Err(failed(&format!("{file} or {folder} is set, and this program has more rights than its user")));
    }
    let roots = target.roots.iter().flat_map(|pem| certificates_in(pem.reveal()).unwrap_or_default());
    let verifier = Verifier::new_with_extra_roots(roots, provider).map_err(|error| failed(&error))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)))
}

fn failed(why: &dyn std::fmt::Display) -> String {
    format!("TLS can't be set up: {why}")
}

/// The certificates of a text in PEM; `None` if there is none, or a part can't be read.
pub(crate) fn certificates_in(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    certificates.ok().filter(|certificates| !certificates.is_empty())
}

/// The first private key of a text in PEM: PKCS 8, PKCS 1 or SEC 1, not encrypted.
pub(crate) fn key_in(pem: &str) -> Option<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()
}
