//! Which pages of other origins may read replies.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::Config;

/// Returns the layer that answers preflights and marks replies for the origins allowed, without
/// credentials.
pub(super) fn layer(config: Config) -> CorsLayer {
    let (allowed, loopback) = (config.allowed_origins, config.loopback_origins);
    let may = move |origin: &HeaderValue, _: &_| {
        origin.to_str().is_ok_and(|origin| {
            loopback && is_loopback(origin)
                || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
        })
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(may))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::ACCEPT, HeaderName::from_static("last-event-id")])
        .max_age(Duration::from_secs(3_600))
}

fn is_loopback(origin: &str) -> bool {
    ["http://localhost", "http://127.0.0.1", "http://[::1]"].iter().any(|host| {
        // Nothing but a port may follow: in `http://localhost:80@example.org` the host is the
        // second one.
        origin.strip_prefix(host).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_hosts_are_loopback() {
        for origin in ["http://localhost", "http://localhost:3000", "http://127.0.0.1:1", "http://[::1]:8000"]
        {
            assert!(is_loopback(origin), "{origin}");
        }
        for origin in [
            "http://localhost.example.org",
            "http://localhost:80@example.org",
            "http://localhost:",
            "http://127.0.0.10",
            "https://localhost",
            "null",
            "",
        ] {
            assert!(!is_loopback(origin), "{origin}");
        }
    }
}
