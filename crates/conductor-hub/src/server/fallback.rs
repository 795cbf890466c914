//! What answers the requests that are not for the hub.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::{error, fmt};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tower_service::Service;

/// An error of whatever type.
pub(super) type BoxError = Box<dyn error::Error + Send + Sync>;

/// A body of whatever type.
pub(super) type BoxBody = UnsyncBoxBody<Bytes, BoxError>;

type Answering = Pin<Box<dyn Future<Output = Result<Response<BoxBody>, BoxError>> + Send>>;

/// A service of the program's, whatever its types; clones are the same.
#[derive(Clone)]
pub(super) struct Fallback(Arc<dyn Fn(Request<Incoming>) -> Answering + Send + Sync>);

impl Fallback {
    /// Answers by a service of tower.
    pub(super) fn service<S, B>(service: S) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<B>, Future: Send, Error: Into<BoxError>>,
        S: Clone + Send + Sync + 'static,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        Self(Arc::new(move |request| {
            let mut service = service.clone();
            Box::pin(async move {
                poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
                let response = service.call(request).await.map_err(Into::into)?;
                Ok(response.map(boxed))
            })
        }))
    }

    /// Says of everything that there is no such thing.
    pub(super) fn nothing() -> Self {
        Self(Arc::new(|_request| {
            let mut response = Response::new(boxed("there is nothing at this path".to_owned()));
            *response.status_mut() = StatusCode::NOT_FOUND;
            Box::pin(async move { Ok(response) })
        }))
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Result<Response<BoxBody>, BoxError> {
        (self.0)(request).await
    }
}

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fallback")
    }
}

pub(super) fn boxed<B>(body: B) -> BoxBody
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    body.map_err(Into::into).boxed_unsync()
}
