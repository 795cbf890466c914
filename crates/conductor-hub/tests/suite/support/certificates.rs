//! Certificates for a server at `localhost`, and clients that trust them.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use conductor_hub::server::TlsFiles;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An authority, and the files of the server.
pub(crate) struct Certificates {
    authority: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("keys can be made");
        let authority = CertifiedIssuer::self_signed(authority, key).expect("it signs itself");
        let certificates = Self { authority, directory: tempfile::tempdir().expect("there is room") };
        let [certificate, key] = certificates.pair();
        certificates.write("server.pem", &certificate);
        certificates.write("server.key", &key);
        certificates
    }

    pub(crate) fn files(&self) -> TlsFiles {
        TlsFiles::new(self.path("server.pem"), self.path("server.key"))
    }

    /// Returns the authority, as PEM.
    pub(crate) fn authority(&self) -> String {
        self.authority.pem()
    }

    /// Returns what trusts the authority.
    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).expect("it is an authority");
        roots
    }

    /// Returns another certificate of the server, with its key, as PEM.
    pub(crate) fn pair(&self) -> [String; 2] {
        self.signed(&names())
    }

    /// Returns a certificate of the server that has expired, with its key, as PEM.
    pub(crate) fn expired_pair(&self) -> [String; 2] {
        let mut expired = names();
        expired.not_after = date_time_ymd(2001, 1, 1);
        self.signed(&expired)
    }

    fn signed(&self, certificate: &CertificateParams) -> [String; 2] {
        let key = KeyPair::generate().expect("keys can be made");
        let certificate = certificate.signed_by(&key, &self.authority).expect("the authority signs");
        [certificate.pem(), key.serialize_pem()]
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the folder takes it");
    }

    /// Connects as a client that trusts the authority and offers these protocols.
    pub(crate) async fn connect(
        &self,
        socket: TcpStream,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("localhost").expect("it is a name");
        self.connector(protocols).connect(name, socket).await
    }

    /// Returns what connects as such a client.
    pub(crate) fn connector(&self, protocols: &[&str]) -> TlsConnector {
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("there are some")
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn names() -> CertificateParams {
    CertificateParams::new(["localhost".to_owned()]).expect("it is a name")
}

/// Returns what the server showed.
pub(crate) fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let chain = stream.get_ref().1.peer_certificates().expect("the server shows one");
    chain[0].clone().into_owned()
}
