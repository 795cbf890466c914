//! Reads an address.

use redis::IntoConnectionInfo;

use crate::connection::Endpoint;
use crate::error::{Error, ErrorKind};

/// Where an address leads to.
pub(super) fn endpoint(address: &str) -> Result<Endpoint, Error> {
    if is_cut(address) {
        let message = "the address has an `@` behind its host; in a user or password write `/` as %2F, \
                       `?` as %3F and `#` as %23";
        return Err(Error::new(ErrorKind::Config, message));
    }
    let asks_for_tls = address.starts_with("rediss://") || address.starts_with("valkeys://");
    if asks_for_tls && !cfg!(feature = "tls") {
        let message = "the address asks for TLS, and this program was built without it; build it with the \
                       feature `tls`";
        return Err(Error::new(ErrorKind::Config, message));
    }
    let info = address.into_connection_info().map_err(|error| {
        let message = "the address is not that of a redis; write it like redis://host:6379";
        Error::with_source(ErrorKind::Config, message, error)
    })?;
    Ok(Endpoint::Info(Box::new(info)))
}

/// Whether a `/`, `?` or `#` stands in a user or password, so that a half of it would be taken for
/// the host, and be shown.
fn is_cut(address: &str) -> bool {
    let Some((_, rest)) = address.split_once("://") else { return false };
    let host_ends = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // What a socket's address begins with is its path; user and password are among its options.
    host_ends > 0 && rest[host_ends..].contains('@')
}
