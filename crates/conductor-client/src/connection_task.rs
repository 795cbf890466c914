//! The one task of a client: it connects, keeps the connection, and comes back.
//!
//! ```text
//!            ┌────────── delay ◄─────────┐
//!            ▼                           │ may come back
//! start ─► dial ──► connected ──► disconnected ──► over
//!            │         reader, writer        must stay away, shut down
//!            └─ 401, 403 ──────────────────────► over
//! ```

use std::sync::Arc;
use std::time::Duration;

use conductor_protocol::Reconnect;
use futures_util::StreamExt;
use futures_util::stream::{SplitSink, SplitStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::{self, Error as WebSocketError};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::dial::{Dialer, Socket, broken};
use crate::ending::Ending;
use crate::error::{Error, ErrorKind};
use crate::event::Disconnected;
use crate::handed::Handed;
use crate::phase::Phase;
use crate::reader::Reader;
use crate::refusal::Refusal;
use crate::shared::Shared;
use crate::writer::write;

/// How long the close frame of a hub may come behind a write that failed.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(crate) struct ConnectionTask {
    shared: Arc<Shared>,
    dialer: Dialer,
    backoff: Backoff,
    dice: fastrand::Rng,
    /// How many connections there have been.
    connections: u64,
}

impl ConnectionTask {
    pub(crate) fn new(shared: Arc<Shared>, dialer: Dialer) -> Self {
        let config = &shared.config;
        let backoff = Backoff::new(config.reconnect_delay_min, config.reconnect_delay_max);
        let dice = config.jitter_seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self { shared, dialer, backoff, dice, connections: 0 }
    }

    /// Runs until the client is shut down, is not wanted any more, or is cancelled.
    pub(crate) async fn run(mut self, cancelled: CancellationToken) {
        let shared = Arc::clone(&self.shared);
        let why = tokio::select! {
            why = self.keep_connected() => why,
            () = cancelled.cancelled() => Error::closed(),
        };
        tracing::debug!("the client of the hub at {} is over: {why:#}", shared.hub());
        shared.finish(&why);
    }

    /// Connects again and again, until it must not; returns why.
    async fn keep_connected(&mut self) -> Error {
        let closing = self.shared.closing.clone();
        loop {
            let dialled = tokio::select! {
                dialled = self.dialer.dial() => dialled,
                () = closing.cancelled() => return Error::closed(),
            };
            let delay = match dialled {
                Ok((socket, handed)) => self.keep(socket, handed).await,
                Err(refusal) => self.after_failure(refusal).await,
            };
            let delay = match delay {
                Ok(delay) => delay,
                Err(why) => return why,
            };
            tokio::select! {
                () = sleep(delay) => {}
                () = closing.cancelled() => return Error::closed(),
            }
        }
    }

    /// Returns the delay after an attempt that failed, or why there is no other.
    async fn after_failure(&mut self, refusal: Refusal) -> Result<Duration, Error> {
        let Refusal { error, retry_after } = refusal;
        if error.kind() == ErrorKind::Refused {
            let (text, reconnect) = (format!("{error:#}"), Reconnect::Never);
            let told = Disconnected { code: None, text, reconnect, unsent: 0 };
            self.shared.tell_end(&told).await;
            return Err(error);
        }
        let delay = self.backoff.after_failure(retry_after, self.dice.f64());
        tracing::debug!("{error:#}; the next attempt is in {delay:?}");
        self.shared.set_phase(Phase::Away(Some(error)));
        Ok(delay)
    }

    /// Keeps a connection to its end; returns the delay before the next, or why there is none.
    async fn keep(&mut self, socket: Socket, handed: Arc<Handed>) -> Result<Duration, Error> {
        let began = Instant::now();
        self.connections += 1;
        let shared = Arc::clone(&self.shared);
        shared.outbox.connect(self.connections, handed);
        shared.set_phase(Phase::Connected(self.connections));
        tracing::debug!("connected to the hub at {}", shared.hub());
        let ending = self.converse(socket).await;
        // Nothing can be put in any more when those who wait hear that it has ended, and the socket
        // is gone: what it has taken is known for good.
        let unsent = shared.outbox.disconnect().unwrap_or_default();
        let why = ending.error(shared.hub());
        shared.set_phase(Phase::Away(Some(why.clone())));
        tracing::debug!("disconnected: {why:#}");
        let mut told = ending.told(unsent);
        if shared.closing.is_cancelled() {
            told.reconnect = Reconnect::Never;
            shared.tell_last(&told);
            return Err(Error::closed());
        }
        shared.tell_end(&told).await;
        let delay = self.backoff.after_end(ending.reconnect(), began.elapsed(), self.dice.f64());
        delay.ok_or(why)
    }

    /// Reads and writes until the connection ends, and says how it did.
    async fn converse(&self, socket: Socket) -> Ending {
        let (sink, stream) = socket.split();
        let reader = Reader::new(&self.shared, self.connections);
        join(&self.shared, reader, stream, sink).await
    }
}

/// Reads until the end, and writes as long as that works.
async fn join(
    shared: &Shared,
    reader: Reader<'_>,
    stream: SplitStream<Socket>,
    sink: SplitSink<Socket, tungstenite::Message>,
) -> Ending {
    let mut reading = std::pin::pin!(reader.read(stream));
    let written = tokio::select! {
        ending = &mut reading => return ending,
        written = write(sink, &shared.outbox) => written,
    };
    match written {
        // It has said goodbye; the hub answers that, and the reader gives up a hub that does not.
        Ok(()) => reading.await,
        Err(error) => last_words(shared, reading, error).await,
    }
}

/// A hub that closes the connection says why, which may lie behind a write that failed.
async fn last_words(shared: &Shared, reading: impl Future<Output = Ending>, error: WebSocketError) -> Ending {
    match timeout(LAST_WORDS, reading).await {
        Ok(ending @ Ending::Closed { .. }) => ending,
        _ => Ending::Lost(broken(shared.hub(), error)),
    }
}
