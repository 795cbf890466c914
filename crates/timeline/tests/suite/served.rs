//! A timeline in a temporary directory, served over HTTP on a free port.

use reqwest::Client;
use tempfile::TempDir;
use timeline::embedded::EmbeddedStore;
use timeline::{Config, Timeline, embedded, http};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The one origin that is configured.
pub(crate) const ALLOWED_ORIGIN: &str = "https://chat.example.org";

pub(crate) struct Served {
    pub(crate) client: Client,
    pub(crate) timeline: Timeline,
    address: String,
    // Aborts the server on drop.
    _server: JoinSet<()>,
    _directory: TempDir,
}

impl Served {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::start(embedded::Config::new(directory.path())).await.unwrap();
        let timeline = Timeline::start(Config::default(), store).unwrap();
        let config = http::Config::default().allowed_origins([ALLOWED_ORIGIN]);
        let router = http::router(config, timeline.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { client: Client::new(), timeline, address, _server: server, _directory: directory }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }
}
