//! Who may ask: requests under our own name, from our own pages or from none.
//!
//! A browser acts for whoever runs it, and many requests need no login or bring one along by
//! themselves. So a web page elsewhere must not be able to read or write through it. Two doors are
//! shut: requests that a page of another origin makes, and our address under a foreign name (a page
//! whose name was pointed at 127.0.0.1 after it was loaded).

use std::iter;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use tidings::hub::origin;

use super::answer;
use crate::config::Config;

/// What is allowed besides our own pages.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    any_host: bool,
    /// Our names besides those of this machine, in lower case.
    hosts: Arc<[String]>,
    /// Where we listen, which is a name of ours as well.
    listens: IpAddr,
    origins: Arc<[String]>,
}

impl Guard {
    /// With `--insecure` the server is known under names we cannot know.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            any_host: config.insecure,
            hosts: config.allow_host.as_slice().into(),
            listens: config.http.ip(),
            origins: config.allow_origin.as_slice().into(),
        }
    }

    fn refuse(&self, target: &Uri, headers: &HeaderMap) -> Option<&'static str> {
        let mut hosts = headers.get_all(header::HOST).into_iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
        if hosts.next().is_some() {
            // Nobody can say which one a proxy in front looked at.
            return Some("the request has more than one header Host; send one");
        }
        // A target that is a whole address has a name, too, by which a proxy may have gone.
        let mut names = iter::once(host).chain(target.authority().map(Authority::as_str));
        // The name comes first: under a foreign name the origin of the page is that same name, and
        // would be taken for our own.
        if !self.any_host && !names.all(|name| self.is_ours(name)) {
            return Some("this server does not answer under this name; add the name with --allow-host");
        }
        (!origin::is_allowed(headers, &self.origins))
            .then_some("pages of other origins may not call this server; name theirs with --allow-origin")
    }

    fn is_ours(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let is_of_machine = match name.parse::<IpAddr>() {
            // A page can have a name pointed at us, and no address. So where we listen on all
            // addresses of this machine, any may be one of them.
            Ok(address) => address.is_loopback() || self.listens.is_unspecified() || address == self.listens,
            Err(_) => name == "localhost" || name.ends_with(".localhost"),
        };
        is_of_machine || self.hosts.contains(&name)
    }
}

/// The middleware: refuses other origins, and other names of this host.
pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.refuse(request.uri(), request.headers()) {
        Some(why) => answer::error(StatusCode::FORBIDDEN, "FORBIDDEN", why),
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn guard() -> Guard {
        Guard::new(&Config {
            allow_origin: vec!["https://chat.example".to_owned()],
            http: "127.0.0.1:8000".parse().unwrap(),
            ..Config::defaults()
        })
    }

    fn refused(any_host: bool, host: &str, origin: Option<&str>) -> bool {
        refused_by(&Guard { any_host, ..guard() }, host, origin)
    }

    fn refused_by(guard: &Guard, host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        guard.refuse(&Uri::from_static("/presence"), &headers).is_some()
    }

    #[test]
    fn a_request_with_two_names_is_refused_unless_both_are_ours() {
        let refused = |target: &'static str, hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_static(host));
            }
            guard().refuse(&Uri::from_static(target), &headers).is_some()
        };
        assert!(!refused("http://localhost:8000/ws", &["127.0.0.1:8000"]));
        assert!(refused("http://evil.example/ws", &["localhost:8000"]));
        assert!(refused("http://localhost:8000/ws", &["evil.example"]));
        assert!(refused("http://localhost:8000/ws", &[]));
        assert!(refused("/ws", &["localhost:8000", "evil.example"]));
        assert!(refused("/ws", &["localhost:8000", "localhost:8000"]));
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

    #[test]
    fn names_that_were_given_are_ours_and_what_looks_like_them_is_not() {
        let hosts: Arc<[String]> = ["chat.example".to_owned(), "192.0.2.7".to_owned()].into();
        let guard = Guard { hosts, ..guard() };
        for host in ["chat.example", "CHAT.example", "chat.example:8443", "192.0.2.7", "localhost:8000"] {
            assert!(!refused_by(&guard, host, None), "{host}");
        }
        assert!(!refused_by(&guard, "chat.example", Some("https://chat.example")));
        assert!(refused_by(&guard, "chat.example", Some("https://evil.example")));
        for host in
            ["evil.example", "xchat.example", "chat.example.evil.example", "a.chat.example", "192.0.2.8", ""]
        {
            assert!(refused_by(&guard, host, None), "{host}");
            assert!(refused_by(&guard, host, Some(&format!("https://{host}"))), "{host}");
        }
    }

    #[test]
    fn the_address_that_is_listened_on_is_ours_and_a_name_that_points_at_it_is_not() {
        let listening = |address: &str| Guard { listens: address.parse().unwrap(), ..guard() };
        for host in ["192.0.2.7:8000", "192.0.2.7", "127.0.0.1:8000"] {
            assert!(!refused_by(&listening("192.0.2.7"), host, None), "{host}");
        }
        for host in ["192.0.2.7", "[2001:db8::1]:8000", "127.0.0.1:8000"] {
            assert!(!refused_by(&listening("0.0.0.0"), host, None), "{host}");
            assert!(!refused_by(&listening("::"), host, None), "{host}");
        }
        assert!(refused_by(&listening("192.0.2.7"), "192.0.2.8", None));
        assert!(refused_by(&listening("0.0.0.0"), "evil.example", None));
        assert!(!refused_by(&listening("2001:db8::1"), "[2001:db8::1]:8000", None));
    }
}
