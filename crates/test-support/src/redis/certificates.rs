//! Certificates for a server that speaks TLS.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::KeyPair;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// The file of the CA's certificate, which is what clients need.
pub(super) const CA_FILE: &str = "ca.pem";
const CERTIFICATE_FILE: &str = "server.pem";
const KEY_FILE: &str = "server.key";

/// Makes a CA and a server's certificate in `directory`, and returns what the server is to be told
/// about them.
pub(super) fn make(directory: &Path) -> Result<Vec<OsString>> {
    let failed = |error| Error::because(ErrorKind::Unavailable, "cannot make certificates", error);
    let [ca, certificate, key] = generate().map_err(failed)?;
    let mut arguments = Vec::new();
    for (option, name, text) in [
        ("--tls-ca-cert-file", CA_FILE, ca),
        ("--tls-cert-file", CERTIFICATE_FILE, certificate),
        ("--tls-key-file", KEY_FILE, key),
    ] {
        let file = directory.join(name);
        fs::write(&file, text)
            .map_err(|error| Error::because(ErrorKind::Unavailable, "cannot write certificates", error))?;
        arguments.extend([option.into(), file.into_os_string()]);
    }
    // Clients prove who they are by passwords.
    arguments.extend(["--tls-auth-clients".into(), "no".into()]);
    Ok(arguments)
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
