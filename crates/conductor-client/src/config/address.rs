//! The address of a hub.

use std::fmt;

use http::Uri;

use crate::error::{Error, ErrorKind};

/// Where a hub is, read from a URL.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) uri: Uri,
    /// Without the brackets around an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_tls: bool,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        // The URL may have a token in it, so no error repeats it.
        let wrong = |why: &str| Error::new(ErrorKind::Config, format!("the address of the hub {why}"));
        let uri: Uri = url.parse().map_err(|_| wrong("is no URL; it looks like ws://host:port/path"))?;
        let is_tls = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(wrong("must begin with ws:// or wss://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("has a user in it; put credentials into a header"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(wrong("names no host"));
        }
        let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Self { uri, host, port, is_tls })
    }
}

impl fmt::Display for Address {
    /// Writes host and port alone: the rest may have a token in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_read_and_shown_without_the_rest() {
        for (url, shown, is_tls) in [
            ("ws://chat.example/ws?token=secret", "chat.example:80", false),
            ("wss://chat.example", "chat.example:443", true),
            ("ws://127.0.0.1:8000/ws", "127.0.0.1:8000", false),
            ("ws://[::1]:8000/ws", "[::1]:8000", false),
        ] {
            let address = Address::parse(url).expect(url);
            assert_eq!((address.to_string().as_str(), address.is_tls), (shown, is_tls));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for url in ["", "secret", "http://secret", "ws://", "ws://me:secret@host", "/secret"] {
            let error = Address::parse(url).err().expect(url);
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
