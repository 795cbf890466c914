//! How the address is reached: by TCP, and by TLS with the feature `tls`.

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;

use crate::error::Error;

#[cfg(feature = "tls")]
pub(super) type Connector = hyper_rustls::HttpsConnector<HttpConnector>;
#[cfg(not(feature = "tls"))]
pub(super) type Connector = HttpConnector;

/// Makes what connects to `url`; nothing is connected yet.
#[cfg(feature = "tls")]
pub(super) fn connector(url: &Uri) -> Result<Connector, Error> {
    let connector = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls(url)?);
    Ok(connector.https_or_http().enable_http1().wrap_connector(tcp()))
}

/// Makes what connects to `url`; nothing is connected yet.
#[cfg(not(feature = "tls"))]
pub(super) fn connector(url: &Uri) -> Result<Connector, Error> {
    if url.scheme_str() == Some("https") {
        return Err(Error::config("a key set with https needs the feature `tls` of tidings-identity"));
    }
    Ok(tcp())
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp
}

/// The system's certificates, for an address that needs them.
#[cfg(feature = "tls")]
fn tls(url: &Uri) -> Result<rustls::ClientConfig, Error> {
    let mut roots = rustls::RootCertStore::empty();
    if url.scheme_str() == Some("https") {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "one of the system's certificates cannot be read; it is not trusted");
        }
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let text =
                "a key set with https needs the system's certificates, and there are none; install them";
            return Err(Error::config(text));
        }
    }
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(
            |error| Error::with_source(crate::error::ErrorKind::Config, "TLS cannot be set up", error),
        )?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
