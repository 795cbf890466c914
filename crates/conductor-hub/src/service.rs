//! The hub as a service of tower, which routers and servers mount.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use crate::Hub;

/// Answers each request with [`handle`](Hub::handle), whatever its body.
///
/// Every clone is the same hub, and is always ready.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use conductor_hub::{Config, Hooks, Hub};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), conductor_hub::Error> {
/// let hub = Hub::start(Config::default(), Hooks::default())?;
/// let app: Router = Router::new().route_service("/ws", hub.clone());
/// # drop(app);
/// # Ok(())
/// # }
/// ```
impl<B> Service<Request<B>> for Hub {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // A handshake has no body that matters, so the future needs not keep one.
        let (hub, request) = (self.clone(), request.map(drop));
        Box::pin(async move { Ok(hub.handle(request).await) })
    }
}
