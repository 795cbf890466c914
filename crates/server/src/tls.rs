//! TLS on the HTTP port, where a certificate is given.

use anyhow::Context;
use tidings::hub::server::Tls;

use crate::config::Config;

/// Reads the certificate, and follows its files from now on; `None` without one.
pub(crate) async fn start(config: &Config) -> anyhow::Result<Option<Tls>> {
    let Some(files) = config.tls_files() else { return Ok(None) };
    Ok(Some(Tls::start(files).await.context("--tls-cert, --tls-key")?))
}
