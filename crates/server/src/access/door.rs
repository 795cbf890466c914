//! The door of the HTTP port: each request is one of somebody who may make it.
//!
//! It is a layer of the router, so that it knows which route a request is for. Paths that no route
//! has are answered to everybody alike.

use std::net::IpAddr;

use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::policy::{self, Found, Row};
use super::{Access, Caller, ClientAddress, Refused, peer};
use crate::http::answer;

/// The middleware: refuses who may not, and tells the routes who asks.
pub(crate) async fn door(State(access): State<Access>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let path = head.extensions.get::<MatchedPath>().cloned();
    let Some(path) = path else { return next.run(Request::from_parts(head, body)).await };
    let address = access.client(&head.headers, peer(&head.extensions));
    let decided = match policy::find(&head.method, path.as_str()) {
        Found::Row(row) => decide(&access, row, &head, address).await,
        // The router has answers of its own to them.
        Found::OtherMethods(_) | Found::Nothing if !access.has_logins() => Ok((Caller::Anybody, false)),
        Found::OtherMethods(methods) => return wrong_method(&methods).await,
        Found::Nothing => Err(Refused::forbidden("this path is open to nobody")),
    };
    let (caller, depends) = match decided {
        Ok(decided) => decided,
        Err(refused) => {
            let mut response = refused.to_response();
            keep_out_of_caches(response.headers_mut());
            return response;
        }
    };
    head.extensions.insert(caller);
    head.extensions.insert(ClientAddress(address));
    let mut response = next.run(Request::from_parts(head, body)).await;
    if depends && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        keep_out_of_caches(response.headers_mut());
    }
    response
}

/// Finds out who asks, whether they may, and whether they do so too often. Also says whether the
/// answer depends on who asks.
async fn decide(
    access: &Access,
    row: &Row,
    head: &Parts,
    address: IpAddr,
) -> Result<(Caller, bool), Refused> {
    let depends = row.is_asked && access.has_logins();
    let caller = if depends {
        let caller = access.caller(head, peer(&head.extensions)).await;
        caller.map_err(|refused| access.count_refused(refused, address))?
    } else if access.has_logins() {
        Caller::Anonymous
    } else {
        Caller::Anybody
    };
    row.need.check(&caller)?;
    if let Some(kind) = row.counts {
        access.count(kind, &caller, address)?;
    }
    Ok((caller, depends))
}

/// No cache gives to others what was answered to one.
fn keep_out_of_caches(headers: &mut HeaderMap) {
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.append(header::VARY, HeaderValue::from_static("authorization, cookie"));
}

/// A method without a row reaches no handler: it might be one that nobody decided about.
async fn wrong_method(methods: &[&str]) -> Response {
    let mut response = answer::wrong_method().await;
    if let Ok(methods) = HeaderValue::try_from(methods.join(",")) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

#[cfg(test)]
mod tests;
