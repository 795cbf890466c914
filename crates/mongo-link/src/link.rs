//! The way to a MongoDB that outlives its connections.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mongodb::Database;
use mongodb::bson::doc;
use mongodb::error::Result as DriverResult;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::DropGuard;

use crate::address::Address;
use crate::backoff::Backoff;
use crate::calls::Calls;
use crate::client::ClientMaker;
use crate::clock::ServerTime;
use crate::config::{LinkConfig, WhenAway};
use crate::election::Election;
use crate::error::{Error, ErrorKind};
use crate::feed::{ChangeFeed, FeedConfig};
use crate::server::Server;
use crate::state::State;

/// The way to one MongoDB, with bounds for each call and a state.
///
/// It is cheap to clone. See the [crate documentation](crate) for what it promises.
///
/// # Shutdown
///
/// [`shutdown`](Self::shutdown) ends it for all clones and waits. Dropping the last clone ends its
/// tasks, its feeds and its connections without waiting; calls under way go on to their end.
#[derive(Clone)]
pub struct Link(Arc<Shared>);

struct Shared {
    server: Arc<Server>,
    /// Stops the tasks with the last clone, which they do not hold themselves.
    _stop: DropGuard,
}

impl Link {
    /// Connects for the first time.
    ///
    /// While MongoDB is away it does what [`LinkConfig::when_away`] says.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if a setting is wrong, the login is refused, or outside a
    /// tokio runtime; [`Unavailable`](ErrorKind::Unavailable) if no primary answers in time, unless
    /// it is to join later.
    pub async fn start(config: LinkConfig) -> Result<Self, Error> {
        config.validate()?;
        let address = Address::parse(&config.url)?;
        let calls = Calls::here(config.calls_max)?;
        let named = config.database.as_deref().or_else(|| address.database());
        let database = named.unwrap_or(LinkConfig::DATABASE_DEFAULT).to_owned();
        let when_away = config.when_away;
        let server = Arc::new(Server::new(ClientMaker { address, settings: config }, database, calls));
        let stop = server.stop.clone().drop_guard();
        let mut probe = server.ask();
        let found = match when_away {
            WhenAway::Refuse => server.answer(&mut probe, server.maker.settings.timeout).await,
            WhenAway::Join => server.soon(&mut probe, JOIN_WAIT).await,
        };
        let found = found.map_err(Error::at_start);
        if let Err(error) = &found
            && (error.kind() == ErrorKind::Config || when_away == WhenAway::Refuse)
        {
            return Err(error.clone());
        }
        server.tell(found.as_ref().err());
        let keep = server.stop.clone().run_until_cancelled_owned(Arc::clone(&server).keep());
        // One of the calls, as it makes some: they have not ended before it has.
        drop(server.calls.spawn(keep));
        Ok(Self(Arc::new(Shared { server, _stop: stop })))
    }

    /// Returns the address, which displays without user and password.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.0.server.maker.address
    }

    /// Returns the name of the database that calls get.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.0.server.database
    }

    /// Returns how long a call may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.0.server.maker.settings.timeout
    }

    /// Returns whether MongoDB answers, and what becomes of that.
    ///
    /// `state().wait_for(State::is_well)` waits for a link that is to join later.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.0.server.state.subscribe()
    }

    /// Returns which election made the primary, as far as the driver has heard.
    ///
    /// It hears of a new primary before it sends it anything, and this says so a moment later. For
    /// those who had a write confirmed by the primary alone, and go on from there.
    #[must_use]
    pub fn election(&self) -> Election {
        self.0.server.election()
    }

    /// Does work of the driver in a task of its own, within [`timeout`](Self::timeout).
    ///
    /// The whole of it is bounded: the wait for a place, the choice of a server, and all retries.
    /// Writes are confirmed by a majority with their journals, and reads see what a majority has,
    /// on the primary, unless the work says otherwise. `run_command` of the driver knows none of
    /// this: put `readConcern` and `writeConcern` into the document. A cursor that is carried out
    /// of the work has none of these bounds.
    ///
    /// ```no_run
    /// # async fn example(link: mongo_link::Link) -> Result<(), mongo_link::Error> {
    /// use mongodb::bson::{Document, doc};
    ///
    /// let id = "a";
    /// let found = link
    ///     .call(move |database| async move {
    ///         database.collection::<Document>("things").find_one(doc! { "_id": id }).await
    ///     })
    ///     .await?;
    /// # drop(found);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) if no primary answers in time, or no majority
    /// confirms a write; [`Conflict`](ErrorKind::Conflict), [`Refused`](ErrorKind::Refused) or
    /// [`Answered`](ErrorKind::Answered) as the server says; [`Closed`](ErrorKind::Closed) after a
    /// [`shutdown`](Self::shutdown).
    ///
    /// # Panics
    ///
    /// If the work does.
    ///
    /// # Cancel safety
    ///
    /// The work of a call that is dropped goes on to its end, once it had a place, and keeps the
    /// place until then. So it does when time is up.
    pub async fn call<T, F, W>(&self, work: F) -> Result<T, Error>
    where
        F: FnOnce(Database) -> W + Send + 'static,
        W: Future<Output = DriverResult<T>> + Send + 'static,
        T: Send + 'static,
    {
        self.call_within(self.timeout(), work).await
    }

    /// Does work of the driver as [`call`](Self::call), within another time.
    ///
    /// It is for what is long, such as a first reading of everything. Without any time the work is
    /// not begun, and the error says so.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Panics
    ///
    /// If the work does.
    ///
    /// # Cancel safety
    ///
    /// As [`call`](Self::call).
    pub async fn call_within<T, F, W>(&self, limit: Duration, work: F) -> Result<T, Error>
    where
        F: FnOnce(Database) -> W + Send + 'static,
        W: Future<Output = DriverResult<T>> + Send + 'static,
        T: Send + 'static,
    {
        // All of the work is done in the task, also what comes before its first await.
        let work = move |database| async move { work(database).await };
        self.0.server.call(Instant::now() + limit, limit, work).await
    }

    /// Does work that may be done twice, again and again until it is done.
    ///
    /// After an error of kind [`Unavailable`](ErrorKind::Unavailable) it waits for up to 0.5 s and
    /// tries again; [`timeout`](Self::timeout) bounds all tries together. As the try before may
    /// have taken effect, also later, the work has to have the same effect when it is done twice.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call): that of the last try.
    ///
    /// # Panics
    ///
    /// If the work does.
    ///
    /// # Cancel safety
    ///
    /// As [`call`](Self::call), for the try that is under way.
    pub async fn repeat<T, F, W>(&self, mut work: F) -> Result<T, Error>
    where
        F: FnMut(Database) -> W + Send + 'static,
        W: Future<Output = DriverResult<T>> + Send + 'static,
        T: Send + 'static,
    {
        let limit = self.timeout();
        let end = Instant::now() + limit;
        let mut backoff = Backoff::new(WAIT_FIRST, WAIT_MAX);
        loop {
            let answer = self.0.server.call(end, limit, &mut work).await;
            let wait = backoff.failed();
            match answer {
                Err(error) if error.kind() == ErrorKind::Unavailable && Instant::now() + wait < end => {}
                answer => return answer,
            }
            sleep(wait).await;
        }
    }

    /// Reads the clock of the primary, without the time that the reading takes.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn server_time(&self) -> Result<ServerTime, Error> {
        let read = self.call(|database| async move {
            let mut best: Option<ServerTime> = None;
            // The first may have had to wait for a connection.
            for _ in 0..READINGS {
                let asked = Instant::now();
                let answer = database.run_command(doc! { "hello": 1 }).await?;
                let time = ServerTime::of_hello(&answer, asked, Instant::now());
                best = time.map(|time| time.better(best)).or(best);
            }
            Ok(best)
        });
        let no_time = || Error::answered(self.0.server.maker.server(), "does not say what time it is");
        read.await?.ok_or_else(no_time)
    }

    /// Begins to follow changes, with a task and connections of their own.
    ///
    /// The feed ends when it is dropped or closed, or with the link. MongoDB may be away: the feed
    /// says so.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if a setting is wrong; [`Closed`](ErrorKind::Closed) after a
    /// shutdown.
    pub fn changes(&self, config: FeedConfig) -> Result<ChangeFeed, Error> {
        let server = &self.0.server;
        config.validate()?;
        if server.calls.is_closed() {
            return Err(Error::closed());
        }
        let (feed, task) = ChangeFeed::of(config, &server.maker, &server.database, &server.stop);
        server.tasks.spawn_on(task, server.calls.runtime());
        Ok(feed)
    }

    /// Ends the link, for all of its clones.
    ///
    /// Calls fail with [`Closed`](ErrorKind::Closed) from here on, those that are under way are
    /// finished, and feeds end, which wait for no call. Returns whether they, all tasks and the
    /// connections ended within `grace`. Those that have not end by themselves; a second call waits
    /// for the same end.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        let server = &self.0.server;
        if server.calls.close() {
            server.state.send_replace(State::closed());
            server.tasks.spawn_on(Arc::clone(server).end(), server.calls.runtime());
            server.tasks.close();
        }
        timeout(grace, server.tasks.wait()).await.is_ok()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("address", self.address()).finish_non_exhaustive()
    }
}

/// How long a start that may join later waits for a primary: one that is there is seen by then.
const JOIN_WAIT: Duration = Duration::from_secs(1);

/// How long the wait before a repetition is at most: the first, and any.
const WAIT_FIRST: Duration = Duration::from_millis(16);
const WAIT_MAX: Duration = Duration::from_millis(512);

/// How often the clock is read; the reading with the shortest round trip counts.
const READINGS: usize = 2;
