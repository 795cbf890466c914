//! One connection's task: reads, routes, writes, watches the time.

mod deadlines;
mod telling;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use self::deadlines::spread;
use crate::admission::{Admitted, AdmittedParts};
use crate::connection::LoginPhase;
use crate::guard::{self, guarded, guarded_hook};
use crate::input_memory::InputPlace;
use crate::intake::{Intake, Next, Turn};
use crate::outbox::Taken;
use crate::reader_pace::ReaderPace;
use crate::shared::{ConnectionPermit, Shared};
use crate::websocket::close_frame;
use crate::writer::Writer;
use crate::{Connection, Disconnect};

/// Bytes read at once; the buffer belongs to the thread, not to the connection.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// The task of one connection.
///
/// Idle it holds no buffer: it reads into its thread's, routes what it got
/// before it waits again, and keeps only what is not complete or has to wait. So
/// that it can be polled without taking part, hooks on this path are synchronous.
struct ConnectionTask<S> {
    permit: ConnectionPermit,
    connection: Arc<Connection>,
    writer: Writer<S>,
    pace: ReaderPace,
    intake: Intake,
    /// When something last came from the client.
    last_read: Instant,
    /// When `last_read` is judged.
    check_at: Instant,
    /// When to look again at what waits in the intake.
    look_at: Option<Instant>,
    /// In a box, as few clients are in the middle of a message.
    begun: Option<Box<PendingInput>>,
    /// Whether a ping was sent since something last came.
    pinged: bool,
    /// The latest roll call that it has heard of.
    roll_call: u32,
    ended: Option<Disconnect>,
    /// Whether the lifecycle hook was told that it has connected.
    is_told: bool,
    /// Whether it has left the hub, and says no more than goodbye.
    left: bool,
}

/// A message that is not complete, or input that has to wait.
struct PendingInput {
    /// Which message.
    number: Option<u32>,
    since: Instant,
    place: InputPlace,
}

/// Serves a connection until it has ended.
pub(crate) async fn serve<S>(socket: S, permit: ConnectionPermit, admitted: Admitted, already_read: Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // Made in here: an argument would be kept twice in the future. What was read is dropped before
    // anything is waited for: even empty it may hold the whole buffer it was read into.
    let mut task = ConnectionTask::new(socket, permit, admitted, already_read);
    task.run().await;
}

enum Wake {
    Ended(Disconnect),
    /// The login that was awaited has come.
    LoggedIn,
    Tick,
}

/// What became of what was queued.
enum Written {
    Open,
    /// The outbox is closing, and not empty yet.
    Closing,
    Closed(Disconnect),
}

impl<S: AsyncRead + AsyncWrite + Unpin> ConnectionTask<S> {
    #[expect(clippy::needless_pass_by_value, reason = "it is dropped here on purpose")]
    fn new(socket: S, permit: ConnectionPermit, admitted: Admitted, already_read: Bytes) -> Self {
        let hub = &permit.0;
        let AdmittedParts { id, mut admission, deflation, socket: shared } = admitted.into_parts();
        let channels = mem::take(&mut admission.channels);
        let memory = Arc::clone(&hub.memory);
        let inflates = deflation.is_some();
        let connection = Connection::new(id, admission, memory, hub.hooks.is_heard);
        let connection = Arc::new(connection.deflating(deflation).writing_to(shared));
        let now = Instant::now();
        let task = Self {
            writer: Writer::new(socket),
            pace: ReaderPace::default(),
            intake: Intake::new(hub, &already_read, inflates),
            last_read: now,
            check_at: now + spread(hub.config.ping_interval, id.0),
            look_at: None,
            begun: None,
            pinged: false,
            roll_call: hub.roll_call.number(),
            ended: None,
            is_told: false,
            left: false,
            connection,
            permit,
        };
        task.enter(&channels);
        task
    }

    /// Enters the hub. The task is there already, so the connection leaves also if this panics.
    fn enter(&self, channels: &[String]) {
        let (hub, connection) = (&self.permit.0, &self.connection);
        hub.registry.add(connection);
        hub.bind_admitted(connection, channels);
        if hub.is_closing() {
            // A race with the shutdown: it may have gone through the connections just before this
            // one was added, and would never close it.
            connection.close(Disconnect::Restart);
        }
    }

    async fn run(&mut self) {
        let hub = Arc::clone(&self.permit.0);
        let connection = Arc::clone(&self.connection);
        if connection.is_admitted() {
            self.tell_connected(&hub).await;
        }
        let reason = {
            // Whether a hook panics in there or the hub itself, `disconnected` below is still
            // called: the program must hear of the end of each connection that it was told of.
            let mut talk = pin!(self.talk());
            poll_fn(|cx| {
                let poll = guarded(|| talk.as_mut().poll(cx));
                poll.unwrap_or_else(|_| Poll::Ready(guard::report(connection.id())))
            })
            .await
        };
        self.leave();
        hub.metrics.disconnected(reason);
        tracing::debug!(connection = %connection.id(), %reason, "disconnected");
        self.tell_end(&hub, reason).await;
        // In a box, so that its buffer is not part of every idle connection.
        let close = self.connection.outbox.frame(close_frame(reason.code(), reason.text()).into());
        // A client that does not read would hold memory for as long as its goodbye takes. Where
        // memory is short it gets no time for that.
        let cut = reason == Disconnect::SlowReader && hub.memory.is_tight();
        let within = if cut { Duration::ZERO } else { hub.config.close_timeout };
        Box::pin(self.writer.goodbye(close, within)).await;
    }

    /// Tells the lifecycle hook that the connection is there, which comes before all else it hears.
    async fn tell_connected(&mut self, hub: &Shared) {
        let connection = Arc::clone(&self.connection);
        self.is_told = true;
        self.run_hook(hub.hooks.lifecycle.connected(&connection)).await;
        self.introduce(hub);
        connection.settle_login();
    }

    async fn talk(&mut self) -> Disconnect {
        let hub = Arc::clone(&self.permit.0);
        let connection = Arc::clone(&self.connection);
        let mut timer = pin!(sleep_until(self.check_at));
        loop {
            // Reading and routing call the hooks that answer at once.
            match poll_fn(|cx| self.poll(cx, &hub, timer.as_mut())).await {
                Wake::Ended(reason) => return reason,
                // In a box, so that its room is not part of every idle connection.
                Wake::LoggedIn => Box::pin(self.tell_connected(&hub)).await,
                Wake::Tick => {
                    let now = Instant::now();
                    match self.tick(&hub, now) {
                        Ok(true) if self.is_told => {
                            self.run_hook(hub.hooks.lifecycle.alive(&connection)).await;
                        }
                        Ok(_) => {}
                        Err(reason) => return reason,
                    }
                    timer.as_mut().reset(self.deadline(&hub));
                }
            }
        }
    }

    /// Waits for a hook, and writes meanwhile: no client is a slow reader because a hook is slow,
    /// and none is given anything because of that when its login is over.
    async fn run_hook(&mut self, hook: impl Future<Output = ()>) {
        let mut hook = pin!(guarded_hook(hook));
        let mut expiry = None;
        let called = poll_fn(|cx| {
            if self.poll_write(cx).is_err() {
                self.ended = Some(Disconnect::Normal);
            }
            let poll = hook.as_mut().poll(cx);
            if poll.is_pending() {
                self.watch_expiry(cx, &mut expiry);
            }
            poll
        });
        if called.await.is_err() {
            self.ended = Some(guard::report(self.connection.id()));
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, hub: &Shared, mut timer: Pin<&mut Sleep>) -> Poll<Wake> {
        self.hear_roll_call(hub);
        let mut turn = Turn::new();
        self.look_at = loop {
            let written = match self.poll_write(cx) {
                Ok(Written::Closed(reason)) => return Poll::Ready(Wake::Ended(reason)),
                Ok(written) => written,
                Err(_lost) => return Poll::Ready(self.lost(hub)),
            };
            if let Some(reason) = self.ended {
                return Poll::Ready(Wake::Ended(reason));
            }
            // Behind `poll_write`, which leaves the waker: a login or a change is noted before the
            // task is woken, so either it is found here or the task is polled again.
            if self.connection.login_phase() == LoginPhase::Untold {
                self.account(hub);
                return Poll::Ready(Wake::LoggedIn);
            }
            if self.is_told {
                self.tell_changes(hub, cx);
            }
            if matches!(written, Written::Closing) {
                // The connection is closing: what the client has sent and nobody has routed yet is
                // dropped.
                self.intake.end(hub, &self.connection);
                break None;
            }
            let next = self.intake.go_on(hub, &self.connection, &mut turn, cx);
            if !self.intake.holds_row() {
                // Nothing of them is on the way any more, so this comes behind all of it.
                hub.abort_streams(&self.connection, self.connection.take_cut_streams());
            }
            match next {
                Next::Read => {}
                Next::Wait(look_at) => match self.poll_read_ahead(cx) {
                    Poll::Ready(Err(_lost)) => return Poll::Ready(self.lost(hub)),
                    Poll::Ready(Ok(())) | Poll::Pending => break look_at,
                },
                Next::Yield => break None,
                Next::Ended(reason) => {
                    self.ended = Some(reason);
                    continue;
                }
            }
            if !turn.may_read() {
                cx.waker().wake_by_ref();
                break None;
            }
            match self.poll_read(cx, &mut turn) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_lost)) => return Poll::Ready(Wake::Ended(Disconnect::Normal)),
                Poll::Pending => break None,
            }
        };
        self.account(hub);
        hub.make_room();
        let deadline = self.deadline(hub);
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        timer.poll(cx).map(|()| Wake::Tick)
    }

    /// Writes what is queued, as far as the socket takes it.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<Written> {
        let outbox = &self.connection.outbox;
        let Taken { closing, begun } = outbox.take(self.writer.queue(), cx.waker());
        self.writer.note_begun(begun);
        // What is queued for a login that was revoked is not for its client any more, who might
        // also stay for long by not reading it.
        if let Some(reason @ (Disconnect::SlowReader | Disconnect::Revoked)) = closing {
            return Ok(Written::Closed(reason));
        }
        let mut taken = 0;
        let written = self.writer.poll_write(cx, |bytes, frames| {
            taken += bytes;
            outbox.release(bytes, frames);
        });
        outbox.note_still(self.writer.stalled_since());
        self.pace.note(outbox.load(), taken, Instant::now);
        match (written, closing) {
            (Poll::Ready(Err(lost)), _) => Err(lost),
            (Poll::Ready(Ok(())), Some(reason)) => Ok(Written::Closed(reason)),
            (Poll::Pending, Some(_)) => Ok(Written::Closing),
            (_, None) => Ok(Written::Open),
        }
    }

    /// Reads once and routes it; a fault or a goodbye sets `ended`.
    fn poll_read(&mut self, cx: &mut Context<'_>, turn: &mut Turn) -> Poll<io::Result<()>> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            ready!(Pin::new(self.writer.socket()).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                self.ended = Some(Disconnect::Normal);
            } else {
                self.last_read = Instant::now();
                self.pinged = false;
                let taken = self.intake.take(&self.permit.0, &self.connection, turn, read.filled_mut());
                self.ended = taken.err();
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Reads while something waits: to see whether the client is there, and its goodbye.
    fn poll_read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            while self.intake.reads_ahead(&self.permit.0) {
                let mut read = ReadBuf::new(buffer);
                ready!(Pin::new(self.writer.socket()).poll_read(cx, &mut read))?;
                if read.filled().is_empty() {
                    self.intake.note_goodbye();
                } else {
                    self.last_read = Instant::now();
                    self.pinged = false;
                    self.intake.read_ahead(read.filled());
                }
            }
            Poll::Ready(Ok(()))
        })
    }

    /// The client has gone without a goodbye: what waits is delivered as far as it can be.
    fn lost(&mut self, hub: &Shared) -> Wake {
        // Whose connection was closed before, of them nothing more is routed.
        if !self.connection.outbox.is_closing() {
            self.intake.finish(hub, &self.connection);
        }
        Wake::Ended(Disconnect::Normal)
    }

    /// Tells the hub what the intake holds, now that the task goes to wait.
    fn account(&mut self, hub: &Shared) {
        let (number, bytes) = (self.intake.unfinished(), self.intake.held_bytes());
        if number.is_none() && bytes == 0 {
            self.forget_begun();
            return;
        }
        let now = Instant::now();
        let place = self.begun.as_ref().map(|begun| begun.place);
        let place = hub.unfinished.hold(place, &self.connection, bytes, self.intake.holds_row());
        let begun = self.begun.get_or_insert_with(|| Box::new(PendingInput { number, since: now, place }));
        begun.place = place;
        // The client has no blame for time in which its input waits and the hub does not read, so
        // the message begins anew then.
        if begun.number != number || self.intake.is_waiting() {
            (begun.number, begun.since) = (number, now);
        }
    }
}

impl<S> ConnectionTask<S> {
    /// Leaves every channel and the hub; the outbox takes nothing more.
    fn leave(&mut self) {
        let hub = &self.permit.0;
        // Before it leaves its channels. A hook may panic that hears of it.
        let streams = self.connection.take_streams();
        let (intake, connection) = (&mut self.intake, &self.connection);
        let ended = guarded(|| {
            intake.end(hub, connection);
            hub.abort_streams(connection, streams);
        });
        if ended.is_err() {
            guard::report(self.connection.id());
        }
        hub.registry.leave_all(&self.connection);
        hub.registry.remove(&self.connection);
        self.connection.outbox.close(Disconnect::Normal);
        if !mem::replace(&mut self.left, true)
            && let Some(begun) = self.connection.outbox.clear(self.writer.waiting())
        {
            self.writer.go_on_with(begun);
        }
        self.forget_begun();
    }

    fn forget_begun(&mut self) {
        if let Some(begun) = self.begun.take() {
            self.permit.0.unfinished.release(begun.place);
        }
    }
}

impl<S> Drop for ConnectionTask<S> {
    // The connection leaves its channels also when its task is dropped in the middle.
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests;
