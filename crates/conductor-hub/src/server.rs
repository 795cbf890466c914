//! A listener of the hub's own, for programs that have no HTTP server.
//!
//! ```text
//! accept ──► a place ──► TLS, if it is set ──► one request ──► hub ──► the bare socket, or the bare
//!            (bounded)   (bounded in time)     (bounded)    │          stream of TLS
//!                                                           └► the program's own service
//! ```
//!
//! A program that has a server mounts the [`Hub`] there instead: it is a service of tower, and
//! [`Hub::handle`] answers the requests of any server on hyper.

mod config;
mod connection;
mod fallback;
mod listener;
mod peer;
mod places;
#[cfg(feature = "tls")]
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tower_service::Service;

pub use self::config::Config;
use self::connection::Connections;
use self::fallback::{BoxError, Fallback};
use self::listener::Listener;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use self::tls::{Tls, TlsFiles};
use crate::{Error, ErrorKind, Hub};

/// A handle to a listener that serves a hub; clones are the same listener.
///
/// [`start`](Self::start) makes it, [`shutdown`](Self::shutdown) ends it and waits. Dropping the
/// last handle ends it without waiting. Neither ends the hub: several servers may serve the same
/// one, at several addresses, and several hubs may have their servers in one process. Until it has
/// ended a server keeps its hub open.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use conductor_hub::server::{self, Server};
/// use conductor_hub::{Config, Hooks, Hub};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), conductor_hub::Error> {
/// let hub = Hub::start(Config::default(), Hooks::default())?;
/// let config = server::Config::default().address(([127, 0, 0, 1], 0));
/// let server = Server::start(config, &hub).await?;
/// println!("ws://{}", server.local_addr());
///
/// assert!(server.shutdown(Duration::from_secs(1)).await);
/// assert!(hub.shutdown(Duration::from_secs(10)).await);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Server {
    local_addr: SocketAddr,
    tasks: TaskTracker,
    /// Ends every connection at once.
    cut: CancellationToken,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    stop: CancellationToken,
    _last: Arc<DropGuard>,
}

impl Server {
    /// Listens, and serves a hub at the configured path.
    ///
    /// Whatever else is asked for is not found.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config), naming the value that is out of its bounds, and
    /// [`Unavailable`](ErrorKind::Unavailable) if the address cannot be listened on or the files of
    /// the certificate cannot be used.
    pub async fn start(config: Config, hub: &Hub) -> Result<Self, Error> {
        Self::start_all(config, hub, Fallback::nothing()).await
    }

    /// Listens, and serves a hub, with a service of the program's beside it.
    ///
    /// A router of axum is such a service. The hub needs a path of its own then.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start).
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use conductor_hub::server::{self, Server};
    /// use conductor_hub::{Config, Hooks, Hub};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), conductor_hub::Error> {
    /// let hub = Hub::start(Config::default(), Hooks::default())?;
    /// let pages: Router = Router::new().route("/", get(async || "a page beside the hub"));
    /// let config = server::Config::default().address(([127, 0, 0, 1], 0)).path("/ws");
    /// let server = Server::start_with(config, &hub, pages).await?;
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start_with<S, B>(config: Config, hub: &Hub, service: S) -> Result<Self, Error>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Future: Send, Error: Into<BoxError>>,
        S: Clone + Send + Sync + 'static,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        if config.path == "/" {
            let text =
                "the hub is at /, which leaves nothing for the other service; give it a path of its own";
            return Err(Error::new(ErrorKind::Config, text));
        }
        Self::start_all(config, hub, Fallback::service(service)).await
    }

    async fn start_all(config: Config, hub: &Hub, fallback: Fallback) -> Result<Self, Error> {
        config.validate()?;
        let (stop, cut, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        #[cfg(feature = "tls")]
        let tls = match config.tls.clone() {
            Some(files) => Some(Tls::start(files).await?),
            None => None,
        };
        let listener = Listener::bind(config.address, config.connections_max).await?;
        let server = Self {
            local_addr: listener.local_addr()?,
            tasks: tasks.clone(),
            cut: cut.clone(),
            #[cfg(feature = "tls")]
            tls: tls.clone(),
            stop: stop.clone(),
            _last: Arc::new(stop.clone().drop_guard()),
        };
        let connections = Connections {
            hub: hub.clone(),
            fallback,
            path: config.path,
            head_timeout: config.head_timeout,
            #[cfg(feature = "tls")]
            tls,
            stop,
            cut,
        };
        tasks.spawn(connections.serve(listener, tasks.clone()));
        tasks.close();
        Ok(server)
    }

    /// Returns the address that it listens on, with the port that it was given.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Reads the files of its certificate now.
    ///
    /// Who connects from now on gets the new one.
    ///
    /// Without TLS it does nothing.
    ///
    /// # Errors
    ///
    /// Those of [`Tls::reload`].
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub async fn reload(&self) -> Result<(), Error> {
        match &self.tls {
            Some(tls) => tls.reload().await,
            None => Ok(()),
        }
    }

    /// Listens no more, and waits for the requests that are being answered.
    ///
    /// Returns whether all were answered within `grace`; those that were not are cut. Connections
    /// of the hub go on, until [`Hub::shutdown`]. May be called again, which waits for the same
    /// end.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped after it was first polled has ended the listener all the same.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.stop.cancel();
        let ended = timeout(grace, self.tasks.wait()).await.is_ok();
        self.cut.cancel();
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return tls.shutdown(Duration::from_secs(1)).await && ended;
        }
        ended
    }
}
