//! Dials one sister over TLS, and says what to do when that fails.

use std::io;
use std::sync::OnceLock;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::sister_tls::SisterTls;
use super::tls_binding::TlsBinding;
use crate::{Error, ErrorKind};

/// The TLS of a sister who is dialled.
#[derive(Clone)]
pub(super) struct TlsDialler {
    /// What her certificate has to be for.
    name: ServerName<'static>,
    /// Whom this node trusts; this machine's authorities from the first dial on, if nobody said.
    trust: OnceLock<SisterTls>,
}

impl TlsDialler {
    /// Creates it for a sister whose certificate is for this name or address.
    pub(super) fn new(name: &str) -> Result<Self, Error> {
        Ok(Self { name: server_name(name)?, trust: OnceLock::new() })
    }

    pub(super) fn named(self, name: &str) -> Result<Self, Error> {
        Ok(Self { name: server_name(name)?, ..self })
    }

    pub(super) fn trusting(self, trust: SisterTls) -> Self {
        Self { trust: OnceLock::from(trust), ..self }
    }

    /// Shakes hands with a sister, and takes what binds the proofs to that.
    pub(super) async fn connect(
        &self,
        url: &str,
        socket: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, TlsBinding), Error> {
        let connector = TlsConnector::from(self.trust()?.config());
        let shaken = connector.connect(self.name.clone(), socket).await;
        let stream = shaken.map_err(|fault| self.failed(url, fault))?;
        let binding = TlsBinding::of(stream.get_ref().1).ok_or_else(|| too_old(url, None))?;
        Ok((stream, binding))
    }

    fn trust(&self) -> Result<&SisterTls, Error> {
        if let Some(trust) = self.trust.get() {
            return Ok(trust);
        }
        let machine = SisterTls::of_this_machine()?;
        Ok(self.trust.get_or_init(|| machine))
    }

    /// Says what to do about a handshake that failed.
    fn failed(&self, url: &str, fault: io::Error) -> Error {
        let why = fault.get_ref().and_then(|why| why.downcast_ref::<rustls::Error>());
        let text = match why {
            Some(rustls::Error::InvalidCertificate(wrong)) => self.of_certificate(url, wrong),
            Some(rustls::Error::InvalidMessage(_)) => {
                format!(
                    "what listens at {url} does not speak TLS, so it was not dialled as a sister; if her \
                     port has no TLS, her address begins with ws://"
                )
            }
            Some(
                rustls::Error::PeerIncompatible(_)
                | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion),
            ) => return too_old(url, Some(fault)),
            _ => {
                let text = format!(
                    "the sister {url} did not shake hands over TLS; her log may say why, and if her port has \
                     no TLS, her address begins with ws://"
                );
                return Error::with_source(ErrorKind::Busy, text, fault);
            }
        };
        Error::with_source(ErrorKind::InvalidInput, text, fault)
    }

    fn of_certificate(&self, url: &str, wrong: &CertificateError) -> String {
        let what = match wrong {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "has expired; give her another one".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "is not valid yet; set the clocks of both nodes".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                let name = self.name.to_str();
                format!("is not for {name}; dial her by a name that it has, or give her one for this name")
            }
            // The second is that of an authority that has the name of one that is trusted.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "is of no authority that this node trusts; give this node the certificate of that authority"
                    .to_owned()
            }
            _ => "cannot be used; give her another one".to_owned(),
        };
        format!("the certificate of the sister {url} {what}")
    }
}

/// Says that a proof cannot be bound to a connection.
fn too_old(url: &str, fault: Option<io::Error>) -> Error {
    let text = format!(
        "the sister {url} and this node have no TLS 1.3 in common, which a link over TLS needs; turn it on"
    );
    match fault {
        Some(fault) => Error::with_source(ErrorKind::InvalidInput, text, fault),
        None => Error::new(ErrorKind::InvalidInput, text),
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, Error> {
    // In an address of the web those of IPv6 are in brackets.
    let bare = name.trim_matches(['[', ']']).to_owned();
    ServerName::try_from(bare).map_err(|fault| {
        let text = format!("{name} is no name that a certificate can be for; dial the sister by another one");
        Error::with_source(ErrorKind::InvalidInput, text, fault)
    })
}
