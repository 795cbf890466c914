//! What browsers are told about every answer of this port, from any layer.
//!
//! It says how to treat the answer, and which pages may read it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tidings::hub::origin;
use tower_http::cors::{AllowCredentials, AllowHeaders, AllowOrigin, AllowPrivateNetwork, CorsLayer};

/// How long a browser may remember that it may ask.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// The layer that answers preflights, and lets pages of `origins` read answers. Their browsers send
/// cookies along only if `cookies` says that one has a token.
pub(super) fn cors(origins: &[String], cookies: bool) -> CorsLayer {
    let origins: Arc<[String]> = origins.into();
    let (may_call, may_send_cookies) = (Arc::clone(&origins), Arc::clone(&origins));
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |_, request| {
            origin::is_allowed(&request.headers, &origins)
        }))
        .allow_credentials(AllowCredentials::predicate(move |_, request| {
            cookies && origin::is_allowed(&request.headers, &may_send_cookies)
        }))
        .allow_methods([Method::GET, Method::POST])
        // Any header is allowed to the pages that may call, `Authorization` as well: what it shows
        // they have themselves. To any other page it is no use, as a browser looks at this only if
        // its origin is allowed.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::ETAG, header::RETRY_AFTER])
        // A page of the public network may call a server in a private one only if its origin is
        // allowed.
        .allow_private_network(AllowPrivateNetwork::predicate(move |_, request| {
            origin::is_allowed(&request.headers, &may_call)
        }))
        .max_age(REMEMBERED)
}

/// The middleware: sets the headers that an answer does not have. With `alone` nobody else may load
/// what we serve.
pub(super) async fn headers(State(alone): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    if alone {
        response
            .headers_mut()
            .entry(HeaderName::from_static("cross-origin-resource-policy"))
            .or_insert(HeaderValue::from_static("same-origin"));
    }
    response
}

/// Scripts and styles only from us, nothing framed, nothing guessed, no text turned into markup by
/// a script.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];
