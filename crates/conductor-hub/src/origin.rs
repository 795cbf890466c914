//! Which pages may talk to a server.
//!
//! There is one rule for handshakes and for plain requests. A browser says in `Origin` which page
//! makes a request; a program says nothing. A page of ours names the very address that it asks,
//! which is in `Host`.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// Tells whether a request may be answered, by the page that makes it.
///
/// It may if it names no origin, if its origin is the host and port that it asks, or if `allowed`
/// has the origin; `*` allows all. An origin is compared without its path, so that the
/// conductor's Go client, which sends the whole address that it connects to
/// (`ws://chat.example:8000/ws`), is a page of ours. Ports that a scheme implies may be left out.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use conductor_hub::origin;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("host", HeaderValue::from_static("chat.example:8000"));
/// headers.insert("origin", HeaderValue::from_static("https://partner.example"));
/// assert!(!origin::is_allowed(&headers, &[]));
/// assert!(origin::is_allowed(&headers, &["https://partner.example".to_owned()]));
/// ```
#[must_use]
pub fn is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    // Each of several must pass: nobody can say which one a proxy or a browser meant.
    headers
        .get_all(ORIGIN)
        .into_iter()
        .all(|origin| origin.to_str().is_ok_and(|origin| is_ours(origin, host) || is_listed(origin, allowed)))
}

fn is_listed(origin: &str, allowed: &[String]) -> bool {
    let same = |known: &str| match (OriginParts::parse(known), OriginParts::parse(origin)) {
        (Some(known), Some(page)) => known.is(&page),
        // Such as `null`, if somebody lists it.
        _ => known.eq_ignore_ascii_case(origin),
    };
    allowed.iter().any(|known| known == "*" || same(known))
}

fn is_ours(origin: &str, host: Option<&str>) -> bool {
    let (Some(page), Some((name, port))) = (OriginParts::parse(origin), host.map(split_port)) else {
        return false;
    };
    !name.is_empty()
        && page.name.eq_ignore_ascii_case(name)
        && page.port() == port.or_else(|| page.implied_port())
}

/// What of an origin counts.
struct OriginParts<'a> {
    scheme: &'a str,
    name: &'a str,
    written_port: Option<&'a str>,
}

impl<'a> OriginParts<'a> {
    /// Reads an origin, or an address that begins with one.
    fn parse(origin: &'a str) -> Option<Self> {
        let (scheme, rest) = origin.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        // Only an address has a login in front of its host.
        let (name, written_port) = split_port(authority.rsplit('@').next()?);
        Some(Self { scheme, name, written_port })
    }

    fn is(&self, other: &Self) -> bool {
        self.scheme.eq_ignore_ascii_case(other.scheme)
            && self.name.eq_ignore_ascii_case(other.name)
            && self.port() == other.port()
    }

    fn port(&self) -> Option<&'a str> {
        self.written_port.or_else(|| self.implied_port())
    }

    fn implied_port(&self) -> Option<&'static str> {
        let is = |scheme| self.scheme.eq_ignore_ascii_case(scheme);
        if is("http") || is("ws") {
            Some("80")
        } else if is("https") || is("wss") {
            Some("443")
        } else {
            None
        }
    }
}

/// Cuts the port off, if there is one. An IPv6 address has its colons in brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn allowed(host: &str, origins: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        for origin in origins {
            headers.append(ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        is_allowed(&headers, &["https://partner.example".to_owned()])
    }

    #[test]
    fn programs_and_our_own_pages_are_welcome() {
        assert!(allowed("chat.example:8000", &[]));
        for (host, origin) in [
            ("chat.example:8000", "http://chat.example:8000"),
            ("chat.example:8000", "HTTP://CHAT.example:8000"),
            // The conductor's Go client names the address it connects to, with all that is in it.
            ("chat.example:8000", "ws://chat.example:8000/ws"),
            ("chat.example:8000", "ws://chat.example:8000/ws?token=a/b"),
            ("chat.example:8000", "ws://user:secret@chat.example:8000/ws"),
            ("chat.example", "https://chat.example"),
            ("chat.example:443", "https://chat.example"),
            ("chat.example", "wss://chat.example:443/ws"),
            ("chat.example:80", "http://chat.example"),
            ("[::1]:8000", "http://[::1]:8000"),
            ("[::1]", "http://[::1]:80/ws"),
            ("chat.example:8000", "https://partner.example"),
            ("chat.example:8000", "https://partner.example:443"),
        ] {
            assert!(allowed(host, &[origin]), "{origin} at {host}");
        }
    }

    #[test]
    fn pages_of_others_are_refused() {
        for (host, origin) in [
            ("chat.example:8000", "http://evil.example"),
            ("chat.example:8000", "null"),
            ("chat.example:8000", ""),
            ("chat.example:8000", "chat.example:8000"),
            ("chat.example:8000", "http://chat.example:8001"),
            ("chat.example:8000", "http://chat.example"),
            ("chat.example:8000", "http://chat.example:8000.evil.example"),
            ("chat.example:8000", "http://chat.example:8000@evil.example"),
            ("chat.example:8000", "http://evil.example/http://chat.example:8000"),
            ("chat.example:8000", "http://evil.example?chat.example:8000"),
            ("chat.example:8000", "http://partner.example"),
            ("chat.example:8000", "https://partner.example:8443"),
            ("chat.example", "http://chat.example:443"),
            ("", "http://"),
            ("[::1]:8000", "http://[::1]:8001"),
        ] {
            assert!(!allowed(host, &[origin]), "{origin} at {host}");
        }
        assert!(
            !allowed("a.example", &["http://a.example", "http://evil.example"]),
            "one of two is another's"
        );
    }
}
