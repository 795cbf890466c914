//! The task of a feed: a change stream that is opened again after each failure.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::Document;
use mongodb::change_stream::ChangeStream;
use mongodb::change_stream::event::{ChangeStreamEvent, OperationType, ResumeToken};
use mongodb::error::Error as DriverError;
use mongodb::options::ChangeStreamOptions;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::config::FeedConfig;
use super::event::{FeedEvent, Item};
use crate::backoff::Backoff;
use crate::caught::caught;
use crate::client::{ClientMaker, ClientPurpose, SeeingClient};
use crate::error::{Error, ErrorKind};

/// What follows the changes.
///
/// It alone drives the change stream, and always to the end of a question: a stream whose `next` is
/// dropped half-way cannot be used again. So it looks at whether it has to end between two
/// questions, of which MongoDB answers each within [`AWAIT`].
pub(super) struct FeedTask {
    config: FeedConfig,
    maker: Arc<ClientMaker>,
    database: String,
    items: mpsc::Sender<Item>,
    stop: CancellationToken,
    client: Option<SeeingClient>,
    /// After what the next stream begins; of each change, and of each answer without one.
    token: Option<ResumeToken>,
    /// Whether a change that is missing from here on would be noticed as a gap.
    was_live: bool,
    /// Whether the reader knows of the outage.
    is_away: bool,
    /// What is waited since the last answer.
    backoff: Backoff,
}

impl FeedTask {
    pub(super) fn new(
        config: FeedConfig,
        maker: Arc<ClientMaker>,
        database: String,
        items: mpsc::Sender<Item>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            backoff: Backoff::new(WAIT_FIRST, config.retry_max),
            config,
            maker,
            database,
            items,
            stop,
            client: None,
            token: None,
            was_live: false,
            is_away: false,
        }
    }

    pub(super) async fn run(mut self) {
        while !self.is_ended() {
            let maker = Arc::clone(&self.maker);
            if let Err(error) = caught(maker.server(), self.follow()).await {
                self.tell_failure(error).await;
                self.wait().await;
                self.give_up_client();
            }
        }
        if let Some(SeeingClient { client, .. }) = self.client.take() {
            client.shutdown().await;
        }
    }

    /// Opens a stream and passes on what it gives, until something fails or the feed ends.
    async fn follow(&mut self) -> Result<(), Error> {
        let mut stream = self.open().await?;
        self.token = stream.resume_token().or_else(|| self.token.take());
        self.was_live = true;
        self.is_away = false;
        self.tell(Ok(FeedEvent::Live)).await;
        while !self.is_ended() {
            let change = stream.next_if_any().await.map_err(|error| self.failure(error))?;
            self.token = stream.resume_token();
            self.backoff.reset();
            match change {
                Some(change) if change.operation_type == OperationType::Invalidate => {
                    return Err(self.gap(None));
                }
                Some(change) => self.tell(Ok(FeedEvent::Change(Box::new(change)))).await,
                // The server has closed the stream.
                None if !stream.is_alive() => return Err(self.gap(None)),
                None => {}
            }
        }
        Ok(())
    }

    async fn open(&mut self) -> Result<ChangeStream<ChangeStreamEvent<Document>>, Error> {
        let database = self.client().await?.client.database(&self.database);
        let options =
            ChangeStreamOptions::builder().max_await_time(AWAIT).resume_after(self.token.clone()).build();
        let pipeline = self.config.pipeline.clone();
        let opened = match &self.config.collection {
            Some(name) => {
                let collection = database.collection::<Document>(name);
                collection.watch().with_options(options).pipeline(pipeline).await
            }
            None => database.watch().with_options(options).pipeline(pipeline).await,
        };
        opened.map_err(|error| self.failure(error))
    }

    async fn client(&mut self) -> Result<SeeingClient, Error> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        // An outage is to be told soon, so a primary is not looked for as long as for a call.
        let settings = &self.maker.settings;
        let selection = settings.connect_timeout.min(settings.inner_timeout());
        let client = self.maker.make(ClientPurpose { pool: POOL, selection }).await?;
        Ok(self.client.insert(client).clone())
    }

    /// Has the next attempt make another client if this one sees no primary after the wait.
    ///
    /// It may have left out a server for good that was no member for a moment.
    fn give_up_client(&mut self) {
        self.client.take_if(|client| !client.seen.borrow().has_primary);
    }

    /// What a failure of the driver means for the reader.
    fn failure(&mut self, error: DriverError) -> Error {
        let seen = self.client.as_ref().map(|client| client.seen.borrow().clone()).unwrap_or_default();
        let told = self.maker.error(error, &seen);
        let is_gone = told.code().is_some_and(|code| GONE.contains(&code));
        // Without a token the next stream begins later than this one has ended.
        let is_missing = self.was_live && self.token.is_none();
        if is_gone || is_missing { self.gap(told.driver().cloned()) } else { told }
    }

    /// Gives up the place in the changes.
    fn gap(&mut self, source: Option<DriverError>) -> Error {
        self.token = None;
        self.was_live = false;
        Error::lagged(self.maker.server(), source)
    }

    /// Tells a gap always, and an outage when it begins.
    async fn tell_failure(&mut self, error: Error) {
        if error.kind() != ErrorKind::Lagged {
            if self.is_away {
                return;
            }
            self.is_away = true;
        }
        tracing::debug!("{error}; the changes are listened to again");
        self.tell(Err(error)).await;
    }

    /// Waits for room in the queue.
    async fn tell(&self, item: Item) {
        tokio::select! {
            sent = self.items.send(item) => {
                if sent.is_err() {
                    // The reader is gone.
                    self.stop.cancel();
                }
            }
            () = self.stop.cancelled() => {}
        }
    }

    /// Waits before the next attempt.
    async fn wait(&mut self) {
        tokio::select! {
            () = sleep(self.backoff.failed()) => {}
            () = self.stop.cancelled() => {}
        }
    }

    fn is_ended(&self) -> bool {
        self.stop.is_cancelled() || self.items.is_closed()
    }
}

/// How long MongoDB waits for a change before it says that there is none.
const AWAIT: Duration = Duration::from_secs(1);

/// How long the wait after the first failure is at most.
const WAIT_FIRST: Duration = Duration::from_millis(100);

/// One connection for the stream, and one for what the driver sends beside it.
const POOL: u32 = 2;

/// Codes of a stream that cannot go on where it was: its place or its token is lost, the history
/// does not reach back to it, or the change that comes next is larger than a document may be.
///
/// Source: <https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml>
const GONE: [i32; 5] = [136, 260, 280, 286, 10334];
