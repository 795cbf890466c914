//! The answer to `Watch`: each page is a message, in room of its own.
//!
//! The messages are framed here: the encoder of tonic would keep a buffer as large as the largest
//! page for as long as somebody watches. An end is a status: the store failed, there was no room
//! for a page, or the caller may not watch any longer. The client watches again from its last
//! entry.

use http_body::Frame;
use prost::Message as _;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;

use super::service;
use crate::service::in_flight::{AnswerBody, AnswerPermit, Full, Pieces};
use crate::service::{Chunk, NewPage, WatchBody, Watched, Watching};

/// What precedes each message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

pub(super) fn body(watching: Watching) -> Body {
    // HTTP/2 has pings of its own to tell whether a client is there.
    Body::new(WatchBody::new(watching, written, None))
}

fn written(watched: Watched) -> Chunk {
    match watched {
        Watched::Page(page, room) => match message(&page, room) {
            Ok(page) => Chunk::Page(page),
            Err(full) => end(&service::full(full)),
        },
        Watched::Full => end(&service::full(Full)),
        Watched::Failed(error) => end(&service::failed(&error)),
        Watched::Ended(why) => end(&service::refused(&why)),
        Watched::Idle => Chunk::Short(Bytes::new()),
    }
}

fn end(status: &Status) -> Chunk {
    Chunk::Last(Frame::trailers(service::trailers(status)))
}

/// A page as a message of gRPC, in the room that it was given.
fn message(new: &NewPage, room: AnswerPermit) -> Result<AnswerBody, Full> {
    let NewPage { page, .. } = new;
    let length = page.encoded_len();
    let mut bytes = Vec::with_capacity(PREFIX_BYTES + length);
    bytes.push(0);
    bytes.extend_from_slice(&u32::try_from(length).map_err(|_| Full)?.to_be_bytes());
    page.encode_raw(&mut bytes);
    // It counts twice, as the pieces are copies.
    let room = room.fit(2 * bytes.len())?;
    Ok(AnswerBody::with_trailers(Pieces::copy_of(&bytes), room, None, service::cut()))
}
