//! TLS between the servers under measurement and their clients, who trust nobody else.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use conductor_hub::server::TlsFiles;
use rcgen::{CertificateParams, KeyPair};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Whom clients ask for.
pub(crate) const NAME: &str = "localhost";

/// What lies in a server's directory.
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// Makes a certificate that signs itself, and puts it into a directory with its key.
pub(crate) fn certify(directory: &Path) -> Result<(), Box<dyn Error>> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new([NAME.to_owned()])?.self_signed(&key)?;
    fs::write(directory.join(CERTIFICATE), certificate.pem())?;
    Ok(fs::write(directory.join(KEY), key.serialize_pem())?)
}

/// Returns where that certificate lies, for the hub's own listener.
pub(crate) fn files(directory: &Path) -> TlsFiles {
    TlsFiles::new(directory.join(CERTIFICATE), directory.join(KEY))
}

/// Returns what serves with that certificate.
pub(crate) fn acceptor(directory: &Path) -> Result<TlsAcceptor, Box<dyn Error>> {
    let key = PrivateKeyDer::from_pem_file(directory.join(KEY))?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate(directory)?], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Returns what trusts that certificate.
pub(crate) fn connector(directory: &Path) -> Result<TlsConnector, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(directory)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn certificate(directory: &Path) -> Result<CertificateDer<'static>, Box<dyn Error>> {
    Ok(CertificateDer::from_pem_file(directory.join(CERTIFICATE))?)
}
