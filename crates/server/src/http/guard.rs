//! Who may ask: requests under our own name, from our own pages or from none.
//!
//! Nobody has to log in yet, so a web page elsewhere must not be able to read or write through the
//! browser of somebody who runs this server. Two doors are shut: requests that a page of another
//! origin makes, and our address under a foreign name (a page whose name was pointed at 127.0.0.1
//! after it was loaded).

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use tidings::hub::origin;

use super::answer;

/// What is allowed besides our own pages.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    any_host: bool,
    origins: Arc<[String]>,
}

impl Guard {
    /// With `any_host` the server is known under names we cannot know; `origins` may call from
    /// elsewhere.
    pub(crate) fn new(any_host: bool, origins: &[String]) -> Self {
        Self { any_host, origins: origins.into() }
    }

    fn refuse(&self, headers: &HeaderMap) -> Option<&'static str> {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        // The name comes first: under a foreign name the origin of the page is that same name, and
        // would be taken for our own.
        if !self.any_host && !is_loopback(host) {
            return Some(
                "this server answers to localhost only; start it with --insecure to answer under other names",
            );
        }
        (!origin::is_allowed(headers, &self.origins))
            .then_some("pages of other origins may not call this server; name theirs with --allow-origin")
    }
}

fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    let address = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    address || name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

/// The middleware: refuses other origins, and other names of this host.
pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.refuse(request.headers()) {
        Some(why) => answer::error(StatusCode::FORBIDDEN, "FORBIDDEN", why),
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(any_host: bool, host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        Guard::new(any_host, &["https://chat.example".to_owned()]).refuse(&headers).is_some()
    }

    #[test]
    fn our_own_pages_and_no_page_at_all_are_welcome() {
        for host in ["127.0.0.1:8000", "localhost:8000", "localhost", "[::1]:8000", "chat.localhost:8000"] {
            assert!(!refused(false, host, None), "{host}");
            assert!(!refused(false, host, Some(&format!("http://{host}"))), "{host}");
        }
        assert!(!refused(false, "localhost:8000", Some("https://chat.example")));
        // The conductor's Go client sends the whole address that it connects to.
        assert!(!refused(false, "localhost:8000", Some("ws://localhost:8000/ws")));
        assert!(!refused(true, "chat.example:8000", Some("ws://chat.example:8000/ws?user=alice")));
    }

    #[test]
    fn strangers_are_refused() {
        for origin in
            ["http://evil.example", "null", "http://localhost:8001", "http://localhost:8000.evil.example"]
        {
            assert!(refused(false, "localhost:8000", Some(origin)), "{origin}");
            assert!(refused(true, "localhost:8000", Some(origin)), "{origin}");
        }
        for host in ["evil.example", "evil.example:8000", "192.168.1.5:8000", "", "127.0.0.1.evil.example"] {
            assert!(refused(false, host, None), "{host}");
        }
        assert!(!refused(true, "chat.example", Some("https://chat.example")));
    }
}
