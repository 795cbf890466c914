//! Tells one other program of every transition of presence, in order, again and again until it has
//! heard.
//!
//! ```text
//! log of presence ──► Cutter ──► one post at a time ──► the receiver
//!        ▲                            │ 2xx
//!        └── position ◄── bookmark ◄──┘
//! ```
//!
//! Nothing is queued here: what waits stays in the log of presence, which is bounded. A receiver
//! that is away for so long that the log runs over is told so (`lagged`), and presence never waits
//! for it.
//!
//! # Delivery
//!
//! At least once, in the order of presence. The bookmark moves after the receiver has answered, so
//! that it may hear the same again after a crash of either side, and never misses what the log
//! still has.

mod backoff;
mod batch;
mod bookmark;
mod client;
mod secret;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use metrics::Counter;
use tidings::presence::{Error, Presence, Since};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::batch::{Batch, Cutter, Lagged};
pub(crate) use self::bookmark::Bookmark;
use self::client::WebhookClient;
pub(crate) use self::secret::Secret;
use crate::config::{Config, WebAddress};
use crate::log::OutageLog;
use crate::random;
use crate::supervisor::Supervisor;

/// Says whether somebody listens at `url`, and whether it can be talked to. Nothing is posted.
pub(crate) async fn check(url: &WebAddress, config: &Config) -> anyhow::Result<()> {
    WebhookClient::new(
        url.expose(),
        config.webhook_secret.clone(),
        config.webhook_timeout,
        &TaskTracker::new(),
    )?;
    let uri = url.expose();
    let defaults = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let port = uri.port_u16().unwrap_or(defaults);
    // An IPv6 address stands in brackets there, and must not here.
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let connected = async { timeout(config.webhook_timeout, TcpStream::connect((host, port))).await? };
    connected
        .await
        .map(drop)
        .map_err(|error: io::Error| anyhow!("--webhook-url: {url} cannot be reached: {error}"))
}

/// How long a post that is on its way when the server stops may still take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A running webhook.
#[derive(Debug)]
pub(crate) struct Webhook {
    courier: WebhookClient,
    bookmark: Bookmark,
    presence: Presence,
    stop: CancellationToken,
    counters: Counters,
    /// Its receiver does not accept what is posted.
    refused: OutageLog,
    /// Its position cannot be saved.
    unmarked: OutageLog,
}

impl Webhook {
    /// Starts it, if one is configured; from here on no event is missed.
    pub(crate) async fn start(
        config: &Config,
        bookmark: PathBuf,
        presence: &Presence,
        supervisor: &Supervisor,
    ) -> anyhow::Result<()> {
        let Some(url) = &config.webhook_url else { return Ok(()) };
        let (tasks, secret) = (supervisor.tasks(), config.webhook_secret.clone());
        let webhook = Arc::new(Self {
            courier: WebhookClient::new(url.expose(), secret, config.webhook_timeout, tasks)?,
            bookmark: Bookmark::new(bookmark),
            presence: presence.clone(),
            stop: supervisor.stop().clone(),
            counters: Counters::new(),
            refused: OutageLog::new(
                "the webhook's receiver does not accept a post; it is repeated until it does",
            ),
            unmarked: OutageLog::new(
                "the progress of the webhook cannot be saved; after a restart its receiver gets events again",
            ),
        });
        let mut first =
            Some(webhook.follow().await.context("--webhook-url: events of presence cannot be read")?);
        supervisor.keep("the webhook", move || Arc::clone(&webhook).run(first.take()));
        Ok(())
    }

    /// Follows presence from where the receiver stands.
    async fn follow(&self) -> Result<Cutter, Error> {
        let (since, lagged) = match self.bookmark.read() {
            Ok(Some(position)) => (Since::Position(position), None),
            Ok(None) => (Since::Now, None),
            Err(error) => {
                tracing::warn!(
                    %error,
                    "the saved progress of the webhook cannot be read; it begins with new events"
                );
                (Since::Now, Some(Lagged::default()))
            }
        };
        Ok(Cutter::new(self.presence.events(since).await?, lagged))
    }

    /// Tells until presence ends, or until `stop` and there is nothing more to tell.
    async fn run(self: Arc<Self>, cutter: Option<Cutter>) {
        let Some(mut cutter) = (match cutter {
            Some(cutter) => Some(cutter),
            None => self.stop.run_until_cancelled(self.follow_again()).await,
        }) else {
            return;
        };
        while let Some(batch) = cutter.next(&self.stop).await {
            if !batch.is_silent() && !self.deliver(&batch).await {
                return;
            }
            if let Some(position) = batch.position() {
                match self.bookmark.set(position).await {
                    Ok(()) => self.unmarked.over(),
                    Err(error) => self.unmarked.note(&error),
                }
            }
        }
    }

    /// Follows presence anew after a fault of ours, as soon as it can be followed.
    async fn follow_again(&self) -> Cutter {
        let mut failures = 0;
        loop {
            match self.follow().await {
                Ok(cutter) => return cutter,
                Err(error) => {
                    failures += 1;
                    tracing::debug!(
                        %error,
                        failures,
                        "events of presence cannot be read for the webhook; trying again"
                    );
                    sleep(random::below(backoff::most(failures))).await;
                }
            }
        }
    }

    /// Posts until the receiver has it. `false` if the server stops before that.
    async fn deliver(&self, batch: &Batch) -> bool {
        let (id, body) = (Uuid::new_v4().to_string(), batch.body());
        let body = axum::body::Bytes::from(body);
        if let Some(lagged) = batch.lagged() {
            self.counters.lagged.increment(1);
            tracing::warn!(
                missed = ?lagged.missed,
                "events were lost before the webhook's receiver got them; it is told so"
            );
        }
        for failures in 1.. {
            let posted = tokio::select! {
                posted = self.courier.post(&id, body.clone()) => posted,
                () = self.last_moment() => return false,
            };
            let Err(error) = posted else {
                self.refused.over();
                self.counters.posted.increment(1);
                self.counters.events.increment(batch.len() as u64);
                return true;
            };
            self.counters.failed.increment(1);
            if self.stop.is_cancelled() {
                return false;
            }
            let wait = random::below(backoff::most(failures));
            self.refused.note(&format_args!("{error:#}"));
            // A stop is a reason to try once more now.
            self.stop.run_until_cancelled(sleep(wait)).await;
        }
        false
    }

    async fn last_moment(&self) {
        self.stop.cancelled().await;
        sleep(LAST_WORDS).await;
    }
}

#[derive(Debug)]
struct Counters {
    posted: Counter,
    failed: Counter,
    events: Counter,
    lagged: Counter,
}

impl Counters {
    fn new() -> Self {
        let posts = "tidings_webhook_posts_total";
        metrics::describe_counter!(posts, "Posts of the webhook, by whether the receiver accepted them");
        metrics::describe_counter!(
            "tidings_webhook_events_total",
            "Events that the webhook's receiver accepted"
        );
        metrics::describe_counter!(
            "tidings_webhook_lagged_total",
            "How often events were lost before the webhook's receiver got them"
        );
        Self {
            posted: metrics::counter!(posts, "outcome" => "taken"),
            failed: metrics::counter!(posts, "outcome" => "failed"),
            events: metrics::counter!("tidings_webhook_events_total"),
            lagged: metrics::counter!("tidings_webhook_lagged_total"),
        }
    }
}
