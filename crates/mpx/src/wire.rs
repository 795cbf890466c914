//! A connection, with what is on its way in both directions.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::time::{Instant, sleep_until};

use crate::buffer::Buffer;
use crate::connection::Transport;
use crate::error::{Error, ErrorKind};
use crate::outgoing::Outgoing;
use crate::protocol::write_command;
use crate::server::Server;

/// A connection in use.
pub(crate) struct Wire {
    transport: Box<dyn Transport>,
    /// Who is at the other end.
    server: Server,
    pub(crate) outgoing: Outgoing,
    pub(crate) buffer: Buffer,
    /// How long it may be silent.
    silence: Duration,
    heard: Instant,
    /// When it was asked for a sign of life since.
    probed: Option<Instant>,
    /// Why nothing can be written any more.
    broken: Option<io::Error>,
}

/// What happened on a connection.
pub(crate) enum Traffic {
    /// So many bytes came.
    Read(usize),
    /// All that there was to write is on its way.
    Written,
    /// It was silent, and is asked by a `PING` for a sign of life: that will be answered in its
    /// turn.
    Probed,
}

impl Wire {
    pub(crate) fn new(
        transport: Box<dyn Transport>,
        server: Server,
        message_max: usize,
        silence: Duration,
    ) -> Self {
        let (outgoing, buffer) = (Outgoing::default(), Buffer::new(server.clone(), message_max));
        let heard = Instant::now();
        Self { transport, server, outgoing, buffer, silence, heard, probed: None, broken: None }
    }

    /// Waits until there is something to do.
    ///
    /// # Errors
    ///
    /// If the connection has ended.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub(crate) async fn traffic(&mut self) -> Result<Traffic, Error> {
        let Self { transport, outgoing, buffer, broken, .. } = self;
        // Each turn both writes and reads. Redis stops reading while nobody reads from it, and a
        // flood of messages must not keep commands back.
        let moved = poll_fn(|context| {
            let mut written = Poll::Pending;
            if broken.is_none() {
                match outgoing.poll(&mut **transport, context) {
                    // The error is kept until all that Redis has sent is read, as that may say why
                    // it ended the connection.
                    Poll::Ready(Err(error)) => *broken = Some(error),
                    other => written = other,
                }
            }
            let mut room = ReadBuf::new(buffer.room());
            let read = Pin::new(&mut **transport).poll_read(context, &mut room);
            let count = room.filled().len();
            match read {
                Poll::Ready(Ok(())) if count > 0 => {
                    buffer.filled(count);
                    Poll::Ready(Ok(Traffic::Read(count)))
                }
                // The end, or an error of reading. A write that failed before says better why.
                Poll::Ready(end) => Poll::Ready(broken.take().map_or(end, Err).map(|()| Traffic::Read(0))),
                // A write is not reported beside a read: the tasks look at `outgoing` each time.
                Poll::Pending => written.map_ok(|()| Traffic::Written),
            }
        });
        // The time counts from the ping on: this process may have stood still before it asked.
        let deadline = self.probed.unwrap_or(self.heard) + self.silence;
        let traffic: io::Result<Traffic> = tokio::select! {
            biased;
            moved = moved => moved,
            () = sleep_until(deadline) => return self.probe(),
        };
        match traffic {
            Ok(Traffic::Read(0)) => {
                let message = format!("{} closed the connection", self.server);
                Err(Error::new(ErrorKind::Unavailable, message))
            }
            Ok(traffic) => {
                if let Traffic::Read(_) = traffic {
                    (self.heard, self.probed) = (Instant::now(), None);
                }
                Ok(traffic)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// When it was read from the last time.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// Decides what to do about the silence.
    ///
    /// ```text
    ///  heard ── `silence` ──► PING: probed ── `silence` ──► given up
    ///    ▲                       │
    ///    └──── bytes come ───────┘
    /// ```
    ///
    /// While the other end takes what it had no room for before, the time begins anew.
    fn probe(&mut self) -> Result<Traffic, Error> {
        if let Some(error) = self.broken.take() {
            return Err(self.failed(error));
        }
        if self.outgoing.take_progress() {
            // Redis is still taking what was written, and the ping may lie behind it, so it gets
            // more time.
            *self.probed.as_mut().unwrap_or(&mut self.heard) = Instant::now();
            return Ok(Traffic::Written);
        }
        if self.probed.is_some() {
            let message = format!("{} did not answer a ping within {:?}", self.server, self.silence);
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        self.probed = Some(Instant::now());
        write_command(self.outgoing.room(), b"PING", [].into_iter());
        Ok(Traffic::Probed)
    }

    fn failed(&self, error: io::Error) -> Error {
        let message = format!("the connection to {} failed", self.server);
        Error::with_source(ErrorKind::Unavailable, message, error)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{advance, sleep};

    use super::*;

    const SILENCE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_is_asked_and_given_up_after_as_long_again() {
        let (ours, _theirs) = duplex(1_000);
        let mut wire = Wire::new(Box::new(ours), Server::at("10.0.0.7:6379"), 1_000, SILENCE);
        let began = Instant::now();
        assert!(matches!(wire.traffic().await, Ok(Traffic::Probed)));
        assert_eq!(began.elapsed(), SILENCE);
        assert!(matches!(wire.traffic().await, Ok(Traffic::Written)));
        let error = wire.traffic().await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.to_string(), "redis at 10.0.0.7:6379 did not answer a ping within 30s");
        assert_eq!(began.elapsed(), 2 * SILENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_takes_what_is_written_is_alive() {
        let (ours, mut theirs) = duplex(100);
        let mut wire = Wire::new(Box::new(ours), Server::at("10.0.0.7:6379"), 1_000, SILENCE);
        write_command(wire.outgoing.room(), b"PUBLISH", [&b"a"[..], &[b'x'; 1_000]].into_iter());
        let length = wire.outgoing.room().len();
        let reads = async {
            for _ in 0..length.div_ceil(100) {
                sleep(SILENCE * 2 / 3).await;
                assert!(theirs.read(&mut [0; 100]).await.unwrap() > 0);
            }
        };
        let began = Instant::now();
        let writes = async {
            while !wire.outgoing.is_written() {
                wire.traffic().await.unwrap();
            }
        };
        tokio::join!(writes, reads);
        assert!(began.elapsed() > 5 * SILENCE);
        // And then it is not.
        while wire.traffic().await.is_ok() {}
    }

    #[tokio::test]
    async fn why_it_was_closed_is_read_though_nothing_can_be_written_any_more() {
        let (ours, mut theirs) = duplex(1_000);
        let mut wire = Wire::new(Box::new(ours), Server::at("10.0.0.7:6379"), 1_000, SILENCE);
        write_command(wire.outgoing.room(), b"SUBSCRIBE", [&[b'x'; 2_000][..]].into_iter());
        theirs.write_all(b"-ERR Protocol error\r\n").await.unwrap();
        drop(theirs);
        assert!(matches!(wire.traffic().await, Ok(Traffic::Read(21))));
        let error = wire.traffic().await.err().unwrap();
        assert!(error.to_string().contains("redis at 10.0.0.7:6379"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_stood_still_asks_before_it_gives_up() {
        let (ours, mut theirs) = duplex(1_000);
        let mut wire = Wire::new(Box::new(ours), Server::at("10.0.0.7:6379"), 1_000, SILENCE);
        advance(10 * SILENCE).await;
        assert!(matches!(wire.traffic().await, Ok(Traffic::Probed)));
        assert!(matches!(wire.traffic().await, Ok(Traffic::Written)));
        let answer = async {
            sleep(SILENCE / 2).await;
            theirs.write_all(b"+PONG\r\n").await.unwrap();
        };
        let (traffic, ()) = tokio::join!(wire.traffic(), answer);
        assert!(matches!(traffic, Ok(Traffic::Read(7))));
    }
}
