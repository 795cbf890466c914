//! Gives the pieces of streams to who reads them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use conductor_protocol::Message;
use tokio::time::timeout;

use super::incoming::IncomingStream;
use super::table::{StreamTable, Whose};
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::mailbox::Mailbox;
use crate::subscriptions::Subscriptions;

/// What a piece, or a stream, counts as beside its bytes.
const ITEM_BYTES: usize = 64;

type Takers = Vec<Arc<Mailbox<Bytes>>>;

/// The streams of one connection.
#[derive(Debug)]
pub(crate) struct StreamDelivery<'s> {
    config: &'s Config,
    /// Who asks for streams.
    listings: &'s Subscriptions<IncomingStream>,
    /// What streams that are open at the end of the connection fail with.
    lost: Error,
    table: StreamTable<Takers>,
}

impl<'s> StreamDelivery<'s> {
    pub(crate) fn new(config: &'s Config, listings: &'s Subscriptions<IncomingStream>, lost: Error) -> Self {
        Self { config, listings, lost, table: StreamTable::new(config.streams_max) }
    }

    /// Takes the message with which a stream begins.
    pub(crate) fn start(&mut self, message: &Message) {
        let (listings, config) = (self.listings.all(), self.config);
        let new = || Arc::new(Mailbox::new(config.events_max, config.stream_bytes_max));
        let takers: Takers = listings.iter().map(|_| new()).collect();
        let is_open = self.table.start(&message.channel, &message.uuid, takers.clone()).is_ok();
        let (channel, uuid) = (Arc::from(&*message.channel), Arc::from(&*message.uuid));
        for (listing, pieces) in listings.iter().zip(takers) {
            if !is_open {
                let max = config.streams_max;
                let text = format!("{max} streams are open, which are as many as may; this one is left out");
                pieces.end(Some(Error::new(ErrorKind::Overflow, text)));
            }
            let stream = IncomingStream::new(Arc::clone(&channel), Arc::clone(&uuid), pieces);
            listing.put_over_oldest(stream, ITEM_BYTES);
        }
    }

    /// Takes a piece, and waits for a bounded time until its readers have room.
    pub(crate) async fn piece(&mut self, message: Message) {
        match self.table.piece(&message.channel, &message.uuid) {
            Whose::One(takers) => give(self.config.stream_pause_max, takers, &message.body).await,
            Whose::Nobody => tracing::debug!("a piece belongs to no stream that is open"),
            Whose::Mixed(failed) => fail_mixed(&failed),
        }
    }

    /// Takes the message with which a stream ends.
    pub(crate) fn end(&mut self, message: &Message) {
        let is_aborted = message.body == Message::ABORTED;
        match self.table.end(&message.channel, &message.uuid, is_aborted) {
            Whose::One(takers) if is_aborted => {
                let text = "the stream was ended before its sender had sent all of it";
                end_all(takers.iter(), Some(&Error::new(ErrorKind::Aborted, text)));
            }
            Whose::One(takers) => end_all(takers.iter(), None),
            Whose::Nobody => tracing::debug!("an end belongs to no stream that is open"),
            Whose::Mixed(failed) => fail_mixed(&failed),
        }
    }

    /// The hub has unbound the client from a channel: no more comes of the streams there.
    pub(crate) fn leave(&mut self, channel: &str) {
        let text = "the client has unbound from the channel before all of the stream was there";
        let why = Error::new(ErrorKind::Aborted, text);
        end_all(self.table.leave(channel).iter().flatten(), Some(&why));
    }
}

impl Drop for StreamDelivery<'_> {
    /// The connection is over, and with it all its streams: no piece of them comes by another one.
    fn drop(&mut self) {
        let why = Some(&self.lost);
        self.table.drain().for_each(|takers| end_all(takers.iter(), why));
    }
}

async fn give(patience: Duration, takers: &Takers, piece: &Bytes) {
    for taker in takers {
        let bytes = piece.len() + ITEM_BYTES;
        if timeout(patience, taker.put(piece.clone(), bytes)).await.is_err() {
            let text = format!("the stream was not read for {patience:?}, and the rest of it is left out");
            taker.fail(Error::new(ErrorKind::Overflow, text));
        }
    }
}

/// Fails streams whose messages cannot be told from those of others.
fn fail_mixed(failed: &[Takers]) {
    let text = "what came for the stream may be of another one in its channel, since their messages have no uuid in \
                common; let it be sent again";
    let why = Error::new(ErrorKind::Protocol, text);
    end_all(failed.iter().flatten(), Some(&why));
}

fn end_all<'t>(takers: impl Iterator<Item = &'t Arc<Mailbox<Bytes>>>, why: Option<&Error>) {
    takers.for_each(|taker| taker.end(why.cloned()));
}
