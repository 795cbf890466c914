//! What the calls and the tasks share.

use std::sync::Arc;

use presence_core::{Error, ErrorKind};
use tokio::sync::{Notify, RwLock, mpsc, oneshot};
use tokio::time::timeout;

use super::config::Config;
use super::feed::{Feed, MirrorState};
use super::store::KeyStore;

/// The keys in Redis, what is heard of them, and whether this goes on.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) store: KeyStore,
    pub(super) feed: Arc<Feed>,
    /// Asks the listener to read all keys once more.
    pub(super) reread: Notify,
    /// Written by the refresher, which must not make the key of a held id while a call ends it.
    pub(super) keeping: RwLock<()>,
    /// To the listener: who wants to know that it has heard everything.
    questions: mpsc::Sender<Question>,
}

/// Answered once everything was heard that Redis told before the question.
pub(super) type Question = oneshot::Sender<()>;

impl Shared {
    pub(super) fn new(config: Config, store: KeyStore) -> (Self, mpsc::Receiver<Question>) {
        let (questions, asked) = mpsc::channel(QUESTIONS);
        let shared = Self {
            feed: Arc::new(Feed::new(&config, store.link.address().to_string())),
            config,
            store,
            reread: Notify::new(),
            keeping: RwLock::new(()),
            questions,
        };
        (shared, asked)
    }

    /// Makes calls fail from here on, and has streams and tasks end soon.
    pub(super) fn close(&self) {
        self.feed.closing.cancel();
        self.feed.health.close();
    }

    /// Once the backend is closed, lets what has happened by then be heard, and ends streams and
    /// tasks.
    pub(super) async fn stop_after_closing(&self) {
        self.feed.closing.cancelled().await;
        // If it cannot be heard, streams end with what was heard before.
        drop(self.hear().await);
        self.feed.stop.cancel();
    }

    pub(super) fn check_open(&self) -> Result<(), Error> {
        if self.feed.closing.is_cancelled() { Err(closed()) } else { Ok(()) }
    }

    /// Waits until everything was heard that Redis told before this call.
    pub(super) async fn hear(&self) -> Result<(), Error> {
        // Without a connection nobody would answer the question before its time is up.
        if self.feed.state().health == MirrorState::Lost {
            return Err(self.feed.not_listening());
        }
        let (question, answer) = oneshot::channel();
        let heard = timeout(self.store.link.timeout(), async {
            self.questions.send(question).await.map_err(|_| closed())?;
            answer.await.map_err(|_| self.feed.not_listening())
        });
        match heard.await {
            Ok(Err(_)) if self.feed.stop.is_cancelled() => Err(closed()),
            Ok(heard) => heard,
            Err(_) => Err(self.feed.not_listening()),
        }
    }

    /// The same, and waits until what was there before has been read.
    pub(super) async fn know(&self) -> Result<(), Error> {
        self.hear().await?;
        let live = timeout(self.store.link.timeout(), self.feed.live());
        match self.feed.stop.run_until_cancelled(live).await {
            Some(Ok(live)) => live,
            Some(Err(_)) => {
                let server = self.store.link.address();
                let message = format!("the keys in redis at {server} are still being read; try again soon");
                Err(Error::new(ErrorKind::Unavailable, message))
            }
            None => Err(closed()),
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "presence was shut down")
}

/// How many calls may wait to be asked about; more wait to ask.
const QUESTIONS: usize = 1_024;
