//! Posts every transition of presence to one other program, in order.
//!
//! Each post is repeated until the program has it.
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
//! At least once, in the order of presence, in posts of up to 500 events and of little more than
//! 64 KiB. Only an answer of 2xx in time means that the receiver has a post; until then it is
//! repeated, after a random time of up to 200 ms that doubles with each failure up to 30 s. The
//! bookmark moves after the receiver has answered, so that it may hear the same again after a crash
//! of either side, and never misses what the log still has.
//!
//! # Shapes
//!
//! ```text
//! POST <the path and query of the address>
//! content-type: application/json
//! webhook-id: <one for each batch, the same at every attempt>
//! webhook-timestamp: <of the attempt, in Unix seconds>
//! webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">    with a secret
//!
//! {"lagged":null,
//!  "events":[{"id":"alice","status":"ONLINE","cause":"HELD","at":1790000000000,"position":"9f3a5c00d1e2b477-58"}]}
//! ```
//!
//! `lagged` is `{"missed":12}` if that many events before these are lost, and `{"missed":null}` if
//! nobody knows how many: the receiver then has to find out anew who is online. `at` is in
//! milliseconds since 1970. `position` is where [`Presence::events`] goes on after the event.

mod backoff;
mod batch;
mod bookmark;
mod client;
mod config;
mod connector;
mod metrics;
mod secret;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use presence_core::{Presence, Since};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::batch::{Batch, Cutter, Lagged};
pub use self::bookmark::Bookmark;
use self::client::WebhookClient;
pub use self::config::Config;
use self::metrics::Counters;
pub use self::secret::Secret;
use crate::outage_log::OutageLog;
use crate::tasks::Tasks;
use crate::{Error, ErrorKind};

/// How long a post that is on its way at the stop may still take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A running webhook: a handle, cheap to clone.
///
/// [`start`](Self::start) makes it, [`shutdown`](Self::shutdown) ends it and waits; dropping the
/// last handle ends it without waiting.
///
/// # Examples
///
/// ```no_run
/// use presence_core::Presence;
/// use presence_core::memory::Memory;
/// use tidings_join::webhook::{Config, Secret, Webhook};
///
/// # async fn start(secret: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let presence = Presence::new(Memory::start(Default::default())?);
/// let config = Config::new("https://example.org/presence")
///     .secret(Secret::new(secret)?)
///     .bookmark("data/webhook");
/// let webhook = Webhook::start(config, presence.clone()).await?;
/// // ...
/// assert!(webhook.shutdown(std::time::Duration::from_secs(2)).await);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Webhook {
    tasks: Tasks,
}

impl Webhook {
    /// Starts to follow presence; from here on no event is missed.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) names the setting that is wrong;
    /// [`Unavailable`](ErrorKind::Unavailable) says that presence cannot be followed, and
    /// [`Closed`](ErrorKind::Closed) that it was shut down. A receiver that cannot be reached is
    /// not an error: it is posted to until it can.
    pub async fn start(config: Config, presence: Presence) -> Result<Self, Error> {
        let (tasks, heard_before) = (Tasks::new()?, config.heard_before);
        let courier = Arc::new(Courier::new(config, presence, &tasks)?);
        // The stream is opened before this returns, and the first run of the task takes it. A later
        // run, after a fault, follows from the bookmark if there is one.
        let mut first = Some(courier.follow(heard_before).await.map_err(unreadable)?);
        tasks.keep("the webhook", move || Arc::clone(&courier).run(first.take()));
        Ok(Self { tasks })
    }

    /// Tries whether somebody listens at the address, and whether it can be talked to.
    ///
    /// Nothing is posted, and nothing goes on.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) names the setting that is wrong;
    /// [`Unavailable`](ErrorKind::Unavailable) has the cause for which the receiver cannot be
    /// reached as its source.
    pub async fn check(config: Config) -> Result<(), Error> {
        let url = config.validate()?;
        WebhookClient::new(url.clone(), config.secret, config.timeout, &TaskTracker::new())?;
        let defaults = if url.scheme_str() == Some("https") { 443 } else { 80 };
        let port = url.port_u16().unwrap_or(defaults);
        // An IPv6 address stands in brackets in a URL, and must not do so here.
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let connected = async { timeout(config.timeout, TcpStream::connect((host, port))).await? };
        connected.await.map(drop).map_err(|error: io::Error| {
            let text = format!("the receiver at {host}, port {port}, cannot be reached");
            Error::with_source(ErrorKind::Unavailable, text, error)
        })
    }

    /// Waits until its task cannot go on, and returns why.
    ///
    /// The task is started again when it ends before its time; this returns when that happened five
    /// times within a minute. It waits for ever while all is well, and after the shutdown.
    ///
    /// # Cancel safety
    ///
    /// May be dropped and called again at any time.
    pub async fn failed(&self) -> Error {
        self.tasks.failed().await
    }

    /// Ends the webhook, for all clones of this handle.
    ///
    /// What has happened by now is posted, once and within a second; what the receiver has not
    /// heard by then it hears after the next start, if there is a bookmark and the log of presence
    /// still has it. So it comes before the shutdown of presence. Returns whether all ended within
    /// `grace`. A second call waits for the same end.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped after it was first polled has ended it all the same.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.tasks.shutdown(grace).await
    }
}

/// Says why presence cannot be followed.
fn unreadable(error: presence_core::Error) -> Error {
    let kind = match error.kind() {
        presence_core::ErrorKind::Closed => ErrorKind::Closed,
        presence_core::ErrorKind::InvalidInput => ErrorKind::Config,
        _ => ErrorKind::Unavailable,
    };
    Error::with_source(kind, "events of presence cannot be read", error)
}

/// Carries the events of presence to the receiver.
#[derive(Debug)]
struct Courier {
    client: WebhookClient,
    bookmark: Option<Bookmark>,
    presence: Presence,
    stop: CancellationToken,
    counters: Counters,
    /// Its receiver does not accept what is posted.
    refused: OutageLog,
    /// Its position cannot be saved.
    unmarked: OutageLog,
}

impl Courier {
    fn new(config: Config, presence: Presence, tasks: &Tasks) -> Result<Self, Error> {
        let url = config.validate()?;
        let Config { secret, timeout, bookmark, .. } = config;
        Ok(Self {
            client: WebhookClient::new(url, secret, timeout, &tasks.tracker)?,
            bookmark: bookmark.map(Bookmark::new),
            presence,
            stop: tasks.stop.clone(),
            counters: Counters::new(),
            refused: OutageLog::new(
                "the webhook's receiver does not accept a post; it is repeated until it does",
            ),
            unmarked: OutageLog::new(
                "the progress of the webhook cannot be saved; after a restart its receiver gets events again",
            ),
        })
    }

    /// Follows presence from where the receiver stands. Where that is not known, it is told that
    /// events may be lost, unless it has not heard of any yet.
    async fn follow(&self, heard_before: bool) -> Result<Cutter, presence_core::Error> {
        let (since, lagged) = match self.bookmark.as_ref().map_or(Ok(None), Bookmark::read) {
            Ok(Some(position)) => (Since::Position(position), None),
            Ok(None) => (Since::Now, heard_before.then(Lagged::default)),
            Err(error) => {
                tracing::warn!(
                    error = %format_args!("{error:#}"),
                    "the saved progress of the webhook cannot be read; it begins with new events"
                );
                (Since::Now, Some(Lagged::default()))
            }
        };
        Ok(Cutter::new(self.presence.events(since).await?, lagged))
    }

    /// Posts until the stop has come and all that is there was posted.
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
            // The order matters: the bookmark moves after the receiver has the batch. A crash in
            // between posts it again, under another id.
            if let (Some(bookmark), Some(position)) = (&self.bookmark, batch.position()) {
                match bookmark.set(position).await {
                    Ok(()) => self.unmarked.over(),
                    Err(error) => self.unmarked.note(&error),
                }
            }
        }
        // Presence may have been shut down before the webhook. Then nothing happens any more.
        self.stop.cancelled().await;
    }

    /// Follows presence once more after the task has failed, as soon as that is possible.
    async fn follow_again(&self) -> Cutter {
        let mut failures = 0;
        loop {
            // Without a bookmark nobody knows what came in between, and the batch in hand is lost.
            match self.follow(true).await {
                Ok(cutter) => return cutter,
                Err(error) => {
                    failures += 1;
                    tracing::debug!(
                        error = %format_args!("{error:#}"),
                        failures,
                        "events of presence cannot be read for the webhook; trying again"
                    );
                    sleep(backoff::wait(failures)).await;
                }
            }
        }
    }

    /// Posts until the receiver has it. `false` if the stop comes before that.
    async fn deliver(&self, batch: &Batch) -> bool {
        let (id, body) = (Uuid::new_v4().to_string(), Bytes::from(batch.body()));
        if let Some(lagged) = batch.lagged() {
            self.counters.lagged.increment(1);
            tracing::warn!(
                missed = lagged.missed,
                "events were lost before the webhook's receiver got them; the next post says how many"
            );
        }
        // All attempts have one id, by which the receiver knows a repetition.
        for failures in 1.. {
            let posted = tokio::select! {
                posted = self.client.post(&id, body.clone()) => posted,
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
            let wait = backoff::wait(failures);
            self.refused.note(&error);
            // A stop ends the wait, so that the post is tried once more before the end.
            self.stop.run_until_cancelled(sleep(wait)).await;
        }
        false
    }

    async fn last_moment(&self) {
        self.stop.cancelled().await;
        sleep(LAST_WORDS).await;
    }
}
