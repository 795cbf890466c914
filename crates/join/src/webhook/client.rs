//! One post: made, signed, and answered in time or not.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::body::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::rt::Executor;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioTimer;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::secret::Secret;
use crate::clock;

/// An answer's body says nothing to us; it is read, if it is short, so that its connection can be
/// used again.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How long a connection is kept for the next post.
const IDLE: Duration = Duration::from_secs(60);

/// Posts to one address.
#[derive(Debug)]
pub(super) struct WebhookClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
    secret: Option<Secret>,
    timeout: Duration,
}

impl WebhookClient {
    /// Prepares to post; nothing is connected yet.
    pub(super) fn new(
        url: &Uri,
        secret: Option<Secret>,
        timeout: Duration,
        tasks: &TaskTracker,
    ) -> anyhow::Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls(url)?).https_or_http().enable_http1();
        let client = Client::builder(Tracked(tasks.clone()))
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .build(connector.wrap_connector(tcp));
        Ok(Self { client, url: url.clone(), secret, timeout })
    }

    /// Posts once. Only an answer of 2xx in time means that the receiver has it.
    pub(super) async fn post(&self, id: &str, body: Bytes) -> anyhow::Result<()> {
        let timestamp = clock::unix_ms(clock::now()) / 1_000;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("tidings/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp);
        if let Some(secret) = &self.secret {
            request = request.header("webhook-signature", secret.sign(id, timestamp, &body));
        }
        let request = request.body(Full::new(body)).context("the request to the receiver cannot be built")?;
        timeout(self.timeout, self.talk(request)).await.with_context(|| {
            format!("the receiver did not answer within --webhook-timeout, {:?}", self.timeout)
        })?
    }

    async fn talk(&self, request: Request<Full<Bytes>>) -> anyhow::Result<()> {
        let answer = self.client.request(request).await?;
        let status = answer.status();
        if !status.is_success() {
            bail!("the receiver answered {status}");
        }
        // It has answered: what comes of the rest does not matter.
        Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await.ok();
        Ok(())
    }
}

/// The system's certificates, for an address that needs them.
fn tls(url: &Uri) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if url.scheme_str() == Some("https") {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "one of the system's certificates cannot be read; it is not trusted");
        }
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            bail!("--webhook-url: https needs the system's certificates; install them, as there are none");
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS cannot be set up")?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Runs a client's connections as tasks of ours.
#[derive(Debug, Clone)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}
