//! One link to a sister: its first words, its reading, its writing, its silence.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::balance::DialReason;
use super::host::SisterHost;
use super::meeting::{self, Proven};
use super::no_sister::{NoSister, NotLinked};
use super::sister::{Sister, SisterEnd};
use super::sister_client::{SisterClient, SisterReader, SisterSocket, SisterWriter};
use super::state::Federation;
use crate::guard::guarded_hook;
use crate::{Error, ErrorKind};

/// How long a node has to dial another one: to connect, to be let in, and to meet.
///
/// Whoever waits has more time than what it waits for, on both sides: or it gives up on a sister
/// who is about to answer, and never hears why she says no. So this is more than all that may take
/// long in a row: 4 s to connect, [`ASKING_TIME_MAX`] and [`MEETING_TIME`]. And as who dials cannot
/// know the settings of the other node, these two are none.
pub(crate) const DIALLING_TIME: Duration = Duration::from_secs(15);

/// How long the auth hook of the node that is dialled may take at most.
pub(crate) const ASKING_TIME_MAX: Duration = Duration::from_secs(5);

/// How long a node that dialled has to prove itself.
pub(crate) const MEETING_TIME: Duration = Duration::from_secs(5);

/// How long a node that dialled has still to prove itself when the hub shuts down.
///
/// A sister hears why there is no link. Who proves nothing keeps no hub waiting for the whole time.
const LAST_WORDS_TIME: Duration = Duration::from_millis(500);

/// Connects by a client and meets a sister.
pub(crate) async fn dial(
    federation: &Federation,
    client: &dyn SisterClient,
    reason: DialReason,
) -> Result<(SisterSocket, Arc<Sister>), NoSister> {
    let wants = |node| federation.wants(node, reason);
    let meeting = async {
        let connected = guarded_hook(client.connect()).await;
        let mut socket = connected.unwrap_or_else(|_| Err(panicked(client.name())))?;
        let node = meeting::dial(&mut socket, &federation.config.secrets, federation.me(), wants).await?;
        socket.reader.proven();
        Ok::<_, NoSister>((socket, node))
    };
    let met = timeout(DIALLING_TIME, meeting).await;
    let (socket, node) = met.unwrap_or_else(|_| Err(too_long(client.name(), DIALLING_TIME).into()))?;
    let added = federation.add(node, Some(client.name()), Instant::now());
    Ok((socket, added.map_err(|why| NoSister::Met(node, why))?))
}

/// Meets a node that dialled us.
///
/// `asked` says whether there may be a link. It is begun when the node has proven itself, and has
/// to end by itself.
pub(crate) async fn accept(
    federation: &Federation,
    mut socket: SisterSocket,
    asked: impl Future<Output = Result<(), NotLinked>>,
) -> Result<(SisterSocket, Arc<Sister>), NoSister> {
    let meeting = async {
        let proven =
            in_time(meeting::accept(&mut socket, &federation.config.secrets, federation.me())).await?;
        socket.reader.proven();
        // A stranger is to cost the program nothing, so it is asked behind the proof.
        let refusal = asked.await.err();
        in_time(answer(federation, &mut socket, &proven, refusal)).await
    };
    let closed = async {
        federation.closing.cancelled().await;
        sleep(LAST_WORDS_TIME).await;
    };
    let met = tokio::select! {
        met = meeting => met,
        () = closed => Err(Error::from(NotLinked::Closing).into()),
    };
    Ok((socket, met?))
}

/// Adds a link to a node that has proven itself, if nothing speaks against it, and tells it.
async fn answer(
    federation: &Federation,
    socket: &mut SisterSocket,
    proven: &Proven,
    refusal: Option<NotLinked>,
) -> Result<Arc<Sister>, NoSister> {
    // Before the last word, so that no sister takes for a link what ends at once.
    let added = match refusal {
        Some(why) => Err(why),
        None => federation.add(proven.node, None, Instant::now()),
    };
    match added {
        Ok(sister) => {
            let mut added = Added { federation, sister, is_to_be_served: false };
            proven.answer(socket, None).await?;
            added.is_to_be_served = true;
            Ok(Arc::clone(&added.sister))
        }
        Err(why) => {
            proven.answer(socket, Some(why)).await?;
            Err(NoSister::Met(proven.node, why))
        }
    }
}

/// Gives a part of the meeting with a node that dialled the time that it has.
async fn in_time<T>(part: impl Future<Output = Result<T, NoSister>>) -> Result<T, NoSister> {
    timeout(MEETING_TIME, part)
        .await
        .unwrap_or_else(|_| Err(too_long("a node that dialled", MEETING_TIME).into()))
}

/// A sister whose link is not served yet; one that never is gets taken out again.
struct Added<'a> {
    federation: &'a Federation,
    sister: Arc<Sister>,
    is_to_be_served: bool,
}

impl Drop for Added<'_> {
    fn drop(&mut self) {
        if !self.is_to_be_served {
            self.sister.end(SisterEnd::Lost);
            self.federation.remove(&self.sister);
        }
    }
}

/// Serves a link until it has ended.
pub(crate) async fn serve(
    federation: &Federation,
    socket: SisterSocket,
    sister: Arc<Sister>,
    host: &dyn SisterHost,
) {
    // Dropped also when this is dropped at whatever it waits for.
    let leaving = Leaving { federation, sister: &sister };
    tracing::info!(sister = %sister.node(), name = sister.name(), "there is a link to a sister");
    federation.manager.connected(&sister);
    let heard = Mutex::new(Instant::now());
    let SisterSocket { reader, writer, binding: _ } = socket;
    tokio::select! {
        () = sister.ending.cancelled() => {}
        () = read(federation, reader, &sister, &heard, host) => {}
        () = write(federation, writer, &sister) => {}
        () = watch(federation.config.silence_max, &sister, &heard) => {}
    }
    drop(leaving);
}

struct Leaving<'a> {
    federation: &'a Federation,
    sister: &'a Arc<Sister>,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let Self { federation, sister } = self;
        sister.end(SisterEnd::Lost);
        federation.remove(sister);
        let reason = sister.reason();
        federation.metrics.ended(reason);
        tracing::info!(sister = %sister.node(), name = sister.name(), ?reason, "the link to a sister has ended");
        federation.manager.disconnected(sister, reason);
    }
}

async fn read(
    federation: &Federation,
    mut reader: Box<dyn SisterReader>,
    sister: &Arc<Sister>,
    heard: &Mutex<Instant>,
    host: &dyn SisterHost,
) {
    loop {
        match reader.read().await {
            Ok(Some(batch)) => {
                let now = Instant::now();
                *heard.lock() = now;
                if let Err(fault) = federation.receive(sister, batch, now, host) {
                    tracing::warn!(
                        sister = %sister.node(),
                        fault,
                        "a sister said something that no sister says, so her link is ended; run the same \
                         version on all nodes"
                    );
                    sister.end(SisterEnd::Forbidden);
                    return;
                }
                // The members have their turn to write what they were given: a link brings in one
                // go far more than an outbox holds.
                yield_now().await;
            }
            Ok(None) => return,
            Err(lost) => {
                tracing::debug!(sister = %sister.node(), lost = format_args!("{lost:#}"), "a link was lost");
                return;
            }
        }
    }
}

async fn write(federation: &Federation, mut writer: Box<dyn SisterWriter>, sister: &Sister) {
    loop {
        let batch = sister.queue.batch().await;
        if sister.queue.take_relief() {
            federation.relieve();
        }
        if let Err(lost) = writer.write(batch).await {
            tracing::debug!(sister = %sister.node(), lost = format_args!("{lost:#}"), "a link was lost");
            return;
        }
    }
}

/// Ends the link when nothing has come for so long: the sister says each second that she is there.
async fn watch(silence_max: Duration, sister: &Sister, heard: &Mutex<Instant>) {
    loop {
        let until = *heard.lock() + silence_max;
        if until <= Instant::now() {
            tracing::warn!(
                sister = %sister.node(),
                ?silence_max,
                "nothing came from a sister, so her link is ended; her node is frozen, overloaded or cut off"
            );
            sister.end(SisterEnd::Silent);
            return;
        }
        sleep_until(until).await;
    }
}

fn too_long(who: &str, time: Duration) -> Error {
    let text = format!("{who} and this node did not become sisters within {time:?}");
    Error::new(ErrorKind::Busy, text)
}

fn panicked(client: &str) -> Error {
    let text = format!("the client of the sister {client} panicked as it was to connect; mend it");
    Error::new(ErrorKind::InvalidInput, text)
}
