//! The headers of the handshake.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderMap;

/// Says which headers a handshake has, such as `Authorization`.
///
/// It is asked before each attempt to connect, so that a login which has expired is another one the
/// next time. An [`HeaderMap`] gives the same ones each time.
#[async_trait]
pub trait HandshakeHeaders: Send + Sync + 'static {
    /// Returns the headers of the next handshake.
    ///
    /// It has as long as an attempt to connect may take. An error makes the attempt fail, and the
    /// client tries again after its delay.
    ///
    /// # Errors
    ///
    /// Whatever keeps the headers from being made.
    async fn headers(&self) -> Result<HeaderMap, Box<dyn Error + Send + Sync>>;
}

#[async_trait]
impl HandshakeHeaders for HeaderMap {
    async fn headers(&self) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(self.clone())
    }
}

#[async_trait]
impl<T: HandshakeHeaders + ?Sized> HandshakeHeaders for Arc<T> {
    async fn headers(&self) -> Result<HeaderMap, Box<dyn Error + Send + Sync>> {
        (**self).headers().await
    }
}
