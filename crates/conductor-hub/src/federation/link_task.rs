//! One link to a sister: its first words, its reading, its writing, its silence.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until, timeout};

use super::host::SisterHost;
use super::meeting;
use super::node_id::NodeId;
use super::sister::{Sister, SisterEnd};
use super::sister_client::{SisterClient, SisterReader, SisterSocket, SisterWriter};
use super::state::{Federation, NotLinked};
use crate::guard::guarded;
use crate::{Error, ErrorKind};

/// How long two nodes have to open a connection and to meet.
pub(crate) const MEETING_TIME: Duration = Duration::from_secs(5);

/// Why there is no link to a node that was dialled.
#[derive(Debug)]
pub(crate) enum NoSister {
    /// This node was met, and is not linked.
    Met(NodeId, NotLinked),
    Failed(Error),
}

/// Connects by a client and meets a sister.
pub(crate) async fn dial(
    federation: &Federation,
    client: &dyn SisterClient,
) -> Result<(SisterSocket, Arc<Sister>), NoSister> {
    let meeting = async {
        let mut socket = client.connect().await?;
        let node = meeting::dial(&mut socket, &federation.config.secrets, federation.me()).await?;
        socket.reader.proven();
        Ok::<_, Error>((socket, node))
    };
    let met = timeout(MEETING_TIME, meeting).await;
    let met = met.unwrap_or_else(|_| Err(too_long(client.name())));
    let (socket, node) = met.map_err(NoSister::Failed)?;
    let added = federation.add(node, Some(client.name()), Instant::now());
    Ok((socket, added.map_err(|why| NoSister::Met(node, why))?))
}

/// Meets a node that dialled us.
pub(crate) async fn accept(
    federation: &Federation,
    mut socket: SisterSocket,
) -> Result<(SisterSocket, Arc<Sister>), Error> {
    let meeting = meeting::accept(&mut socket, &federation.config.secrets, federation.me());
    let node = timeout(MEETING_TIME, meeting).await.map_err(|_| too_long("a node that dialled"))??;
    socket.reader.proven();
    let sister = federation.add(node, None, Instant::now()).map_err(not_linked)?;
    Ok((socket, sister))
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
    if guarded(|| federation.manager.connected(&sister)).is_err() {
        tracing::error!("the sister manager panicked as it was told of a sister");
    }
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
        if guarded(|| federation.manager.disconnected(sister, reason)).is_err() {
            tracing::error!("the sister manager panicked as it was told of the end of a link");
        }
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

fn too_long(who: &str) -> Error {
    let text = format!("{who} and this node did not become sisters within {MEETING_TIME:?}");
    Error::new(ErrorKind::Busy, text)
}

impl From<NoSister> for Error {
    fn from(why: NoSister) -> Self {
        match why {
            NoSister::Met(_, why) => not_linked(why),
            NoSister::Failed(error) => error,
        }
    }
}

fn not_linked(why: NotLinked) -> Error {
    match why {
        NotLinked::Ourselves => {
            Error::new(ErrorKind::InvalidInput, "the address of a sister is that of this node")
        }
        NotLinked::Double => {
            Error::new(ErrorKind::Full, "there is a link to this sister already, which stays")
        }
        NotLinked::Full => {
            Error::new(ErrorKind::Busy, "this node has twice max_sisters links already; link to another node")
        }
        NotLinked::Closing => Error::new(ErrorKind::Closed, "the hub is shutting down"),
    }
}
