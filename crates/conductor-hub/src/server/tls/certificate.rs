//! The certificate in use, and its files.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::RwLock;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_util::task::TaskTracker;

use super::TlsFiles;
use crate::{Error, ErrorKind};

/// The certificate that clients get now.
#[derive(Debug)]
pub(super) struct Certificate(RwLock<Arc<CertifiedKey>>);

impl Certificate {
    pub(super) fn new(key: CertifiedKey) -> Self {
        Self(RwLock::new(Arc::new(key)))
    }

    pub(super) fn replace(&self, key: CertifiedKey) {
        *self.0.write() = Arc::new(key);
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read()))
    }
}

/// How both files were: when they changed and how long they are.
pub(super) type FilesStamp = [Option<(SystemTime, u64)>; 2];

/// What was read, and how the files were right before.
pub(super) struct FilesRead {
    pub(super) stamp: FilesStamp,
    pub(super) key: CertifiedKey,
}

/// Looks at the files, on a thread that may block.
pub(super) async fn stamp(tasks: &TaskTracker, files: &TlsFiles) -> FilesStamp {
    let files = files.clone();
    tasks.spawn_blocking(move || stamp_of(&files)).await.unwrap_or_default()
}

/// Reads the files, on a thread that may block.
pub(super) async fn read(tasks: &TaskTracker, files: &TlsFiles) -> Result<FilesRead, Error> {
    let files = files.clone();
    tasks.spawn_blocking(move || read_now(&files)).await.map_err(|ended| {
        Error::with_source(ErrorKind::Closed, "the program ended while the certificate was read", ended)
    })?
}

fn read_now(files: &TlsFiles) -> Result<FilesRead, Error> {
    // The order matters: a change behind this look shows at the next.
    let stamp = stamp_of(files);
    Ok(FilesRead { stamp, key: certified_key(files)? })
}

fn stamp_of(files: &TlsFiles) -> FilesStamp {
    let stamp = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    [stamp(&files.certificate), stamp(&files.key)]
}

fn certified_key(files: &TlsFiles) -> Result<CertifiedKey, Error> {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let unusable = |text: String| move |fault| Error::with_source(ErrorKind::Unavailable, text, fault);
    let certificates: Vec<_> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(unusable(format!("the certificate {certificate} cannot be read as PEM")))?;
    if certificates.is_empty() {
        let text = format!("{certificate} has no certificate; it must hold that of the server, as PEM");
        return Err(Error::new(ErrorKind::Unavailable, text));
    }
    let private = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(unusable(format!("the key {key} cannot be read as PEM")))?;
    // Says whether the two fit each other as well.
    CertifiedKey::from_der(certificates, private, &aws_lc_rs::default_provider()).map_err(|fault| {
        let text = format!("the key {key} does not fit the certificate {certificate}");
        Error::with_source(ErrorKind::Unavailable, text, fault)
    })
}
