//! Certificates for a server that speaks TLS.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::KeyPair;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// The files of a server for `localhost` and 127.0.0.1.
#[derive(Debug, Clone)]
pub(crate) struct Certificates {
    /// The certificate of the CA, which is what clients need.
    pub(crate) ca: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificates {
    /// Makes a CA and a server's certificate in `directory`.
    pub(crate) fn make(directory: &Path) -> Result<Self> {
        let failed = |error| Error::because(ErrorKind::Unavailable, "cannot make certificates", error);
        let [ca, certificate, key] = generate().map_err(failed)?;
        let write = |name: &str, text: String| {
            let file = directory.join(name);
            fs::write(&file, text).map_err(|error| {
                Error::because(ErrorKind::Unavailable, "cannot write certificates", error)
            })?;
            Ok(file)
        };
        Ok(Self {
            ca: write("ca.pem", ca)?,
            certificate: write("server.pem", certificate)?,
            key: write("server.key", key)?,
        })
    }
}

/// Returns the certificate of the CA, that of the server, and the server's key, as PEM.
fn generate() -> std::result::Result<[String; 3], rcgen::Error> {
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "CA of a test");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names)?.signed_by(&key, &ca)?;
    Ok([ca.pem(), certificate.pem(), key.serialize_pem()])
}
