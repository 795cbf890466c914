//! Whom the links of this node trust, over TLS.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};

use crate::{Error, ErrorKind};

/// Whose certificates a node accepts from the sisters that it dials over TLS.
///
/// Clones share it. A certificate tells the node that nobody else answers at the sister's address,
/// and TLS keeps from others what goes over the link. It makes nobody a sister: that is proven by
/// the secret, on top of it.
#[derive(Clone)]
pub struct SisterTls(Arc<ClientConfig>);

impl SisterTls {
    /// Trusts the authorities that this machine trusts.
    ///
    /// It reads their files, which blocks for some milliseconds.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) if there are none.
    pub fn of_this_machine() -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let text = "this machine trusts no authority, so no sister is dialled over TLS; give the \
                        certificate of the sisters' authority, or set the variable SSL_CERT_FILE";
            return Err(Error::new(ErrorKind::Unavailable, text));
        }
        Self::trusting(roots)
    }

    /// Trusts these authorities and no others, as PEM.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if there is no certificate, or one that cannot be
    /// read.
    pub fn authorities(pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_ref()) {
            roots.add(certificate.map_err(unreadable)?).map_err(unreadable)?;
        }
        if roots.is_empty() {
            let text = "the authorities of sisters contain no certificate; give them as PEM";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        Self::trusting(roots)
    }

    /// Uses a configuration of the program's own.
    ///
    /// It may have a certificate of this node, for sisters that ask for one. It needs TLS 1.3, and
    /// of the protocols that it offers `http/1.1`, if it offers any.
    #[must_use]
    pub fn configured(config: impl Into<Arc<ClientConfig>>) -> Self {
        Self(config.into())
    }

    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }

    fn trusting(roots: RootCertStore) -> Result<Self, Error> {
        // The provider is named, as a process may have several.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            // What TLS 1.2 exports does not bind a proof to one connection.
            .with_protocol_versions(&[&TLS13])
            .map_err(|fault| Error::with_source(ErrorKind::Unavailable, "TLS cannot be set up", fault))?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        // A server that speaks HTTP/2 as well has no WebSockets there.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

impl fmt::Debug for SisterTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration may have a key of this node.
        f.debug_struct("SisterTls").finish_non_exhaustive()
    }
}

fn unreadable(fault: impl std::error::Error + Send + Sync + 'static) -> Error {
    let text = "a certificate of the sisters' authorities cannot be read; give it as PEM";
    Error::with_source(ErrorKind::InvalidInput, text, fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_certificate_is_said() {
        for (pem, named) in [
            ("", "contain no certificate"),
            ("no certificate", "contain no certificate"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
        ] {
            let error = SisterTls::authorities(pem).expect_err(pem);
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
