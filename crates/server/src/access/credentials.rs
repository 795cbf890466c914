//! What a request shows of who it is from.
//!
//! The first of these that is there counts. One that is not good is refused by whoever looks at it:
//! the next is for requests that do not have it.
//!
//! | | where | counts only |
//! |---|---|---|
//! | 1 | `Authorization: Bearer TOKEN` | |
//! | 2 | `?ticket=…` | where a browser can send no header: `GET /ws`, `GET /presence/events`, `GET /timeline/watch` |
//! | 3 | `?token=…` | as 2, and with `--token-in-query` |
//! | 4 | the cookie of `--token-cookie` | if a page of ours or of `--allow-origin` makes the request |
//! | 5 | the header of `--user-header` | from a peer in `--trusted-proxies`, for no foreign page |
//!
//! What stands in a query is never logged.

use std::borrow::Cow;

use axum::extract::Query;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use tidings::hub::origin;

use super::refused::Refused;
use crate::config::Config;

/// Where a browser can send no header, so that its query says who it is.
const WITHOUT_HEADERS: [&str; 3] = ["/ws", "/presence/events", "/timeline/watch"];

/// In this header a browser says which page makes a request. Source: W3C, Fetch Metadata Request
/// Headers, section 2.3.
const SITE: &str = "sec-fetch-site";

/// What a request shows. It has no `Debug`, so that no line of a log shows it.
pub(super) enum Credential<'a> {
    /// A token, not verified yet.
    Token(Cow<'a, str>),
    /// A ticket, not redeemed yet.
    Ticket(String),
    /// The name of a user from a proxy that is trusted.
    User(&'a str),
}

/// Where credentials may stand.
#[derive(Debug, Clone)]
pub(super) struct Places {
    cookie: Option<String>,
    in_query: bool,
    user_header: Option<HeaderName>,
    origins: Vec<String>,
}

impl Places {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            cookie: config.logins.cookie.clone(),
            in_query: config.logins.in_query,
            user_header: config.logins.user_header.clone(),
            origins: config.allow_origin.clone(),
        }
    }

    /// Returns the first that a request shows; `is_trusted` says whether its peer is.
    pub(super) fn find<'a>(
        &self,
        head: &'a Parts,
        is_trusted: bool,
    ) -> Result<Option<Credential<'a>>, Refused> {
        if let Some(token) = bearer(&head.headers)? {
            return Ok(Some(Credential::Token(token.into())));
        }
        if let Some(found) = self.in_query(head)? {
            return Ok(Some(found));
        }
        if let Some(token) = self.cookie(&head.headers)? {
            return Ok(Some(Credential::Token(token.into())));
        }
        match &self.user_header {
            Some(name) if is_trusted && !self.is_from_foreign_page(&head.headers) => {
                Ok(user(&head.headers, name)?.map(Credential::User))
            }
            _ => Ok(None),
        }
    }

    fn in_query(&self, head: &Parts) -> Result<Option<Credential<'static>>, Refused> {
        if head.method != Method::GET || !WITHOUT_HEADERS.contains(&head.uri.path()) {
            return Ok(None);
        }
        let unreadable = || Refused::unauthenticated("the query cannot be read");
        let Query(pairs) =
            Query::<Vec<(String, String)>>::try_from_uri(&head.uri).map_err(|_| unreadable())?;
        let (mut ticket, mut token) = (None, None);
        for (name, value) in pairs {
            let found = match name.as_str() {
                "ticket" => &mut ticket,
                "token" if self.in_query => &mut token,
                _ => continue,
            };
            if found.replace(value).is_some() {
                return Err(twice("ticket or token in its query"));
            }
        }
        Ok(ticket.map(Credential::Ticket).or_else(|| token.map(|token| Credential::Token(token.into()))))
    }

    /// The cookie with the token. A browser sends it along with whatever page asks for something:
    /// so it counts only if the browser also says that one of ours, or of those that are allowed,
    /// did.
    fn cookie<'a>(&self, headers: &'a HeaderMap) -> Result<Option<&'a str>, Refused> {
        let Some(name) = self.cookie.as_deref().filter(|_| self.is_from_our_page(headers)) else {
            return Ok(None);
        };
        let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(of, _)| *of == name).map(|(_, value)| unquoted(value));
        let value = values.next();
        if values.next().is_some() {
            // Another host below the same domain can set one, too.
            return Err(twice("cookie of the name that has the token"));
        }
        // A page that logged out may have left an empty one.
        Ok(value.filter(|value| !value.is_empty()))
    }

    fn is_from_our_page(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(header::ORIGIN) {
            return origin::is_allowed(headers, &self.origins);
        }
        // Browsers name no origin with a plain GET to their own. No page can set this header.
        let mut sites = headers.get_all(SITE).into_iter();
        sites.next().is_some_and(|site| site == "same-origin") && sites.next().is_none()
    }

    /// Whether a browser says that a page of others makes the request. The proxy, which knows the
    /// browser by a cookie of its own, names the user with such a request, too. Nothing else stands
    /// before that at the gRPC port. What no browser has made says nothing of this.
    fn is_from_foreign_page(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(header::ORIGIN) {
            return !origin::is_allowed(headers, &self.origins);
        }
        // `none` is what somebody has typed or has among their bookmarks.
        headers.get_all(SITE).into_iter().any(|site| site != "same-origin" && site != "none")
    }
}

/// The token in the header that is made for it.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    let mut values = headers.get_all(header::AUTHORIZATION).into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(twice("header Authorization"));
    }
    let parts = value.to_str().ok().and_then(|value| value.split_once(' '));
    match parts.map(|(scheme, token)| (scheme, token.trim())) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() => {
            Ok(Some(token))
        }
        _ => Err(Refused::unauthenticated("the header Authorization must be Bearer and a token")),
    }
}

/// The user whom a proxy names; an empty header is that of a proxy that knows nobody.
fn user<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refused> {
    let mut values = headers.get_all(name).into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(twice("header with the user"));
    }
    let name = str::from_utf8(value.as_bytes())
        .map_err(|_| Refused::unauthenticated("the header with the user is not UTF-8"))?;
    Ok(Some(name.trim()).filter(|name| !name.is_empty()))
}

fn unquoted(value: &str) -> &str {
    let value = value.trim();
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// Of two nobody can say which one a proxy in front looked at.
fn twice(what: &str) -> Refused {
    Refused::unauthenticated(format!("the request has more than one {what}; send one"))
}

#[cfg(test)]
mod tests;
