//! What is known of a request before its body.
//!
//! It is who calls, and whom or what the path names.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use super::shared::Shared;
use crate::Caller;

/// Who makes a call.
///
/// It is the first that a handler asks for, so that a caller who is refused is told nothing else,
/// and sends a body that nobody reads.
#[derive(Debug)]
pub(super) struct Called(pub(super) Caller);

impl FromRequestParts<Shared> for Called {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        Ok(Self(shared.calls.caller(&parts.extensions, &parts.headers)?))
    }
}

/// What the path names: one text, or several.
#[derive(Debug)]
pub(super) struct InPath<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, shared).await {
            Ok(Path(named)) => Ok(Self(named)),
            Err(_) => Err(Problem::codec("the path is not UTF-8; percent-encode it as UTF-8")),
        }
    }
}
