//! What answers the requests that are not for the hub.

use std::convert::Infallible;
use std::error;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use tower_service::Service;

/// A service of tower that answers what is not for the hub, such as a router of axum.
///
/// Every service with these types is one; an error of it ends the connection.
pub trait Fallback:
    Service<Request<Incoming>, Response = Response<Self::Body>, Error = Self::Fault, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
    /// The body of its answers.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn error::Error + Send + Sync>>> + Send + 'static;
    /// Its error.
    type Fault: Into<Box<dyn error::Error + Send + Sync>>;
}

impl<S, B> Fallback for S
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn error::Error + Send + Sync>>,
    B: Body<Data = Bytes, Error: Into<Box<dyn error::Error + Send + Sync>>> + Send + 'static,
{
    type Body = B;
    type Fault = S::Error;
}

/// Says of everything that there is no such thing.
#[derive(Clone, Debug)]
pub(super) struct NotFound;

impl Service<Request<Incoming>> for NotFound {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<Incoming>) -> Self::Future {
        let mut response = Response::new("there is nothing at this path".to_owned());
        *response.status_mut() = StatusCode::NOT_FOUND;
        ready(Ok(response))
    }
}
