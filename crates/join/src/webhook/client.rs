//! One post: made, signed, and answered in time or not.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::rt::Executor;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioTimer;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::connector::{Connector, connector};
use super::secret::Secret;
use crate::{Error, clock};

/// An answer's body says nothing to us; it is read, if it is short and comes soon, so that its
/// connection can be used again.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// How long a connection is kept for the next post.
const IDLE: Duration = Duration::from_secs(60);

/// Posts to one address.
#[derive(Debug)]
pub(super) struct WebhookClient {
    client: Client<Connector, Full<Bytes>>,
    url: Uri,
    secret: Option<Secret>,
    timeout: Duration,
}

impl WebhookClient {
    /// Prepares to post; nothing is connected yet.
    pub(super) fn new(
        url: Uri,
        secret: Option<Secret>,
        timeout: Duration,
        tasks: &TaskTracker,
    ) -> Result<Self, Error> {
        let client = Client::builder(Tracked(tasks.clone()))
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            // Posts go one after the other, so one connection is enough.
            .pool_max_idle_per_host(1)
            .build(connector(&url)?);
        Ok(Self { client, url, secret, timeout })
    }

    /// Posts once, or says why the receiver does not have it. Only an answer of 2xx in time means
    /// that it does.
    pub(super) async fn post(&self, id: &str, body: Bytes) -> Result<(), String> {
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
        let request = request.body(Full::new(body)).map_err(|error| {
            format!("the request to the receiver cannot be built: {}", in_one_line(&error))
        })?;
        let late = |_elapsed| format!("the receiver did not answer within its time, {:?}", self.timeout);
        let answer = timeout(self.timeout, self.client.request(request)).await.map_err(late)?;
        let answer = answer.map_err(|error| in_one_line(&error))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(format!("the receiver answered {status}"));
        }
        // The receiver has accepted the post. Whether the rest of its answer comes does not matter.
        timeout(ANSWER_TIME, Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect()).await.ok();
        Ok(())
    }
}

/// An error with what caused it.
fn in_one_line(error: &dyn StdError) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
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
