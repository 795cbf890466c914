//! TLS, and which authorities it trusts.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::{Error, ErrorKind};

/// Makes connections over TLS.
#[derive(Clone)]
pub(crate) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// Trusts these authorities, in PEM; without any, those that this machine trusts.
    pub(crate) fn new(host: &str, authorities: Option<&[u8]>) -> Result<Self, Error> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            let text = "the hub has no host name that TLS knows, and no IP address";
            Error::with_source(ErrorKind::Config, text, error)
        })?;
        let roots = match authorities {
            Some(pem) => read(pem)?,
            None => of_this_machine()?,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::with_source(ErrorKind::Config, "TLS cannot be set up", error))?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        // A server that speaks HTTP/2 as well has no WebSockets there.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Shakes hands with the hub.
    pub(crate) async fn connect(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), stream).await
    }
}

fn read(pem: &[u8]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(unreadable)?).map_err(unreadable)?;
    }
    if roots.is_empty() {
        return Err(Error::new(ErrorKind::Config, "`authorities` contains no certificate in PEM"));
    }
    Ok(roots)
}

fn of_this_machine() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let loaded = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(loaded.certs);
    if !roots.is_empty() {
        return Ok(roots);
    }
    let text = "this machine has no trusted certificates; set `authorities`, or the variable SSL_CERT_FILE";
    Err(match loaded.errors.into_iter().next() {
        Some(error) => Error::with_source(ErrorKind::Config, text, error),
        None => Error::new(ErrorKind::Config, text),
    })
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::with_source(ErrorKind::Config, "a certificate in `authorities` cannot be read", error)
}
