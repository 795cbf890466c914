//! Where a key set is: a file, or an address.
//!
//! An address is shown without what may be a secret.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

use super::address;

/// A file or an address with a key set (JWKS).
#[derive(Clone)]
pub(crate) struct JwksAddress(String);

impl JwksAddress {
    /// Returns the whole of it, with its secrets.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JwksAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&address::hidden_in(&self.0))
    }
}

impl fmt::Debug for JwksAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Reads the path of a file, or an address that nobody on the way can answer for.
pub(super) fn jwks_address(text: &str) -> Result<JwksAddress, String> {
    if text.contains("://") {
        let url: Option<Uri> = text.parse().ok().filter(|_| !text.contains('#'));
        let is_safe = url.is_some_and(|url| match url.scheme_str() {
            Some("https") => has_no_login(&url),
            // Whoever is on the way to another machine could put in keys of their own.
            Some("http") => has_no_login(&url) && is_here(&url),
            _ => false,
        });
        if !is_safe {
            return Err(
                "is not where a key set can be; give a file, or an address with https and without user \
                 and password, like https://example.org/jwks.json (http for this machine alone)"
                    .to_owned(),
            );
        }
    }
    Ok(JwksAddress(text.to_owned()))
}

fn has_no_login(url: &Uri) -> bool {
    url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
}

fn is_here(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_addresses_that_nobody_can_answer_for_are_taken() {
        for good in ["keys.json", "/etc/tidings/keys.json", "https://id.example/keys", "http://127.0.0.1:8/k"]
        {
            assert!(jwks_address(good).is_ok(), "{good}");
        }
        for wrong in
            ["http://id.example/keys", "https://u:hidden@id.example/", "ftp://id.example/", "https://a/#b"]
        {
            let error = jwks_address(wrong).unwrap_err();
            assert!(!error.contains("hidden"), "{error}");
        }
        let shown = jwks_address("https://id.example/keys?token=hidden").unwrap().to_string();
        assert_eq!(shown, "https://id.example/…");
    }
}
