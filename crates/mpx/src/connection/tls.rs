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
pub(super) struct Tls(TlsConnector);

impl Tls {
    /// Trusts these authorities, in PEM; without any, those that this machine trusts.
    pub(super) fn new(host: &str, authorities: Option<&[u8]>) -> Result<Self, Error> {
        server_name(host)?;
        connector(authorities).map(Self)
    }

    /// Shakes hands with a server that has to be `host`.
    pub(super) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
        address: &str,
    ) -> Result<TlsStream<TcpStream>, Error> {
        self.0.connect(server_name(host)?, stream).await.map_err(|error| {
            let message = format!("the TLS handshake with redis at {address} failed");
            Error::with_source(ErrorKind::Unavailable, message, error)
        })
    }
}

fn server_name(host: &str) -> Result<ServerName<'static>, Error> {
    ServerName::try_from(host.to_owned()).map_err(|error| {
        let message = format!("TLS needs a host name or an IP address, and {host:?} is neither");
        Error::with_source(ErrorKind::Config, message, error)
    })
}

fn connector(authorities: Option<&[u8]>) -> Result<TlsConnector, Error> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(unreadable)?;
                roots.add(certificate).map_err(unreadable)?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        let message = match authorities {
            Some(_) => "`authorities` contains no certificate in PEM",
            None => {
                "this machine has no trusted certificates; set `authorities`, or the variable SSL_CERT_FILE"
            }
        };
        return Err(Error::new(ErrorKind::Config, message));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::with_source(ErrorKind::Config, "TLS cannot be set up", error))?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::with_source(ErrorKind::Config, "a certificate in `authorities` cannot be read", error)
}
