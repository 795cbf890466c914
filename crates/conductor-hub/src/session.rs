//! One connection's task: reads, routes, writes, watches the time.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::hub::{Place, Shared};
use crate::router::Router;
use crate::websocket::{Decoder, Event, FrameKind, Violation, put_frame};
use crate::writer::Writer;
use crate::{Admission, Connection, Disconnect};

/// Bytes read at once; the buffer belongs to the thread, not to the connection.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// The task of one connection.
///
/// Idle it holds no buffer: it reads into its thread's, routes what it got
/// before it waits again, and keeps only the bytes of an incomplete message. So
/// that it can be polled without taking part, hooks on this path are synchronous.
struct Session<S> {
    place: Place,
    connection: Arc<Connection>,
    writer: Writer<S>,
    decoder: Decoder,
    /// When something last came from the client.
    last_read: Instant,
    /// When `last_read` is judged.
    check_at: Instant,
    /// Whether a ping was sent since something last came.
    pinged: bool,
    ended: Option<Disconnect>,
}

/// Serves a connection until it has ended.
pub(crate) async fn serve<S>(socket: S, place: Place, admission: Admission, already_read: Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // Made in here: an argument would be kept twice in the future.
    let mut session = Session::new(socket, place, admission);
    session.run(already_read).await;
}

enum Wake {
    Ended(Disconnect),
    Tick,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    fn new(socket: S, place: Place, admission: Admission) -> Self {
        let hub = &place.0;
        let id = hub.next_id();
        let connection = Arc::new(Connection::new(id, admission.user, hub.config.outbox_bytes_max));
        hub.registry.add(&connection);
        for channel in &admission.channels {
            hub.bind(&connection, channel);
        }
        if hub.is_closing() {
            // The shutdown may have looked for connections before this one was added.
            connection.close(Disconnect::Restart);
        }
        let now = Instant::now();
        Self {
            writer: Writer::new(socket),
            decoder: Decoder::new(hub.config.message_bytes_max),
            last_read: now,
            check_at: now + spread(hub.config.ping_interval, id.0),
            pinged: false,
            ended: None,
            connection,
            place,
        }
    }

    async fn run(&mut self, already_read: Bytes) {
        let hub = Arc::clone(&self.place.0);
        let connection = Arc::clone(&self.connection);
        hub.hooks.lifecycle.connected(&connection).await;
        let reason = self.talk(already_read).await;
        self.leave();
        hub.metrics.disconnected(reason);
        tracing::debug!(connection = %connection.id(), %reason, "disconnected");
        hub.hooks.lifecycle.disconnected(&connection, reason).await;
        // In a box, so that its buffer is not part of every idle connection.
        Box::pin(self.writer.goodbye(reason, hub.config.close_timeout)).await;
    }

    async fn talk(&mut self, already_read: Bytes) -> Disconnect {
        let hub = Arc::clone(&self.place.0);
        if !already_read.is_empty() {
            self.received(&mut BytesMut::from(already_read));
        }
        let mut timer = pin!(sleep_until(self.check_at));
        loop {
            match poll_fn(|cx| self.poll(cx, &hub, timer.as_mut())).await {
                Wake::Ended(reason) => return reason,
                Wake::Tick => {
                    let now = Instant::now();
                    match self.tick(&hub, now) {
                        Ok(true) => hub.hooks.lifecycle.alive(&self.connection).await,
                        Ok(false) => {}
                        Err(reason) => return reason,
                    }
                    timer.as_mut().reset(self.deadline(&hub));
                }
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, hub: &Shared, mut timer: Pin<&mut Sleep>) -> Poll<Wake> {
        loop {
            match self.poll_write(cx) {
                Ok(Some(reason)) => return Poll::Ready(Wake::Ended(reason)),
                Ok(None) => {}
                Err(_lost) => return Poll::Ready(Wake::Ended(Disconnect::Normal)),
            }
            if let Some(reason) = self.ended {
                return Poll::Ready(Wake::Ended(reason));
            }
            match self.poll_read(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_lost)) => return Poll::Ready(Wake::Ended(Disconnect::Normal)),
                Poll::Pending => break,
            }
        }
        let deadline = self.deadline(hub);
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        timer.poll(cx).map(|()| Wake::Tick)
    }

    /// Writes what is queued, as far as the socket takes it. `Some` once a closing outbox is empty.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<Option<Disconnect>> {
        let outbox = &self.connection.outbox;
        let closing = outbox.take(self.writer.queue(), cx.waker());
        if closing == Some(Disconnect::SlowReader) {
            return Ok(closing);
        }
        match self.writer.poll_write(cx, |written| outbox.release(written)) {
            Poll::Ready(Ok(())) => Ok(closing),
            Poll::Ready(Err(lost)) => Err(lost),
            Poll::Pending => Ok(None),
        }
    }

    /// Reads once and routes it.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            ready!(Pin::new(self.writer.socket()).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                self.ended = Some(Disconnect::Normal);
            } else {
                self.last_read = Instant::now();
                self.pinged = false;
                self.received(read.filled_mut());
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Decodes and routes what came; a fault or a goodbye sets `ended`.
    fn received(&mut self, bytes: &mut [u8]) {
        let mut router = Router::new(&self.place.0, &self.connection);
        let mut ended = None;
        let outcome = self.decoder.decode(bytes, |event| {
            let routed = match event {
                Event::Message(_kind, message) => router.message(message),
                Event::Ping(payload) => pong(&self.connection, payload),
                Event::Pong => Ok(()),
                Event::Close(_code) => Err(Disconnect::Normal),
            };
            ended = routed.err();
            ended.is_none()
        });
        router.flush();
        self.ended = ended.or_else(|| outcome.err().map(|fault| violation(&self.connection, fault)));
    }

    /// Judges the time: whether the client is alive since the last tick, silent, or gone.
    fn tick(&mut self, hub: &Shared, now: Instant) -> Result<bool, Disconnect> {
        if self.writer.stalled_since().is_some_and(|since| now >= since + hub.config.stall_timeout) {
            return Err(Disconnect::SlowReader);
        }
        if now < self.check_at {
            return Ok(false);
        }
        if self.pinged {
            return Err(Disconnect::NoPong);
        }
        let silent_at = self.last_read + hub.config.ping_interval;
        if now < silent_at {
            self.check_at = silent_at;
            return Ok(true);
        }
        self.pinged = true;
        self.check_at = now + hub.config.pong_timeout;
        let mut frame = BytesMut::new();
        put_frame(&mut frame, FrameKind::Ping, b"");
        // A full or closing outbox speaks for itself at the next poll.
        self.connection.outbox.push(frame.freeze()).ok();
        Ok(false)
    }

    fn deadline(&self, hub: &Shared) -> Instant {
        match self.writer.stalled_since() {
            Some(since) => self.check_at.min(since + hub.config.stall_timeout),
            None => self.check_at,
        }
    }
}

impl<S> Session<S> {
    /// Leaves every channel and the hub; the outbox takes nothing more.
    fn leave(&self) {
        let hub = &self.place.0;
        for channel in self.connection.unbind_all() {
            hub.registry.leave(&channel, self.connection.id());
        }
        hub.registry.remove(self.connection.id());
        self.connection.outbox.close(Disconnect::Normal);
    }
}

impl<S> Drop for Session<S> {
    // Also when the task is dropped in the middle, or a hook panics.
    fn drop(&mut self) {
        self.leave();
    }
}

/// Cuts the first interval of a connection, between half and whole, so that pings spread.
fn spread(interval: Duration, id: u64) -> Duration {
    // Fibonacci hashing: numbers in a row land far apart.
    let thousandth = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32 & 0x3FF;
    let part = thousandth as u32;
    interval / 2 + interval / 2 * part / 1024
}

fn pong(connection: &Connection, payload: &[u8]) -> Result<(), Disconnect> {
    let mut frame = BytesMut::new();
    put_frame(&mut frame, FrameKind::Pong, payload);
    connection.push(frame.freeze()).map_err(|_| Disconnect::SlowReader)
}

fn violation(connection: &Connection, fault: Violation) -> Disconnect {
    tracing::debug!(connection = %connection.id(), ?fault, "client broke the protocol");
    match fault {
        Violation::Protocol(_) => Disconnect::ProtocolError,
        Violation::Utf8 => Disconnect::InvalidPayload,
        Violation::TooBig => Disconnect::MessageTooBig,
    }
}
