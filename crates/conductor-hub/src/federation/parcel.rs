//! What one author wrote in a row to one channel, with its number; pure.
//!
//! ```text
//! u16 name length | channel name | u8 author's kind | u16 author length | author
//!                 | then each message: u32 length | message of the protocol
//!
//! author's kind                    author
//! 0 the program                    nothing
//! 1 a user                         name
//! 2 a connection without a user    u64 number of the connection
//! 3 a connection of a user         u64 number of the connection | name
//! ```
//!
//! All numbers are little-endian. This is the body: it stays the same on all links, but for those
//! to sisters of older versions, who know no author of kind 3 and get one of kind 1. A body without
//! bytes is a beat, which only says that its origin is there.

use std::str;

use bytes::{BufMut, Bytes, BytesMut};

use super::node_id::NodeId;
use crate::protocol::MessageRef;

/// What one author wrote in a row to one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parcel {
    /// Whose number it has.
    pub(crate) origin: NodeId,
    pub(crate) number: u64,
    /// The number of the origin's parcel before it in the same channel; 0 if that is not known. Of
    /// a beat, which is in no channel, over how many nodes it has come.
    pub(crate) before: u64,
    pub(crate) body: ParcelBody,
}

/// The channel, the author and the messages of a parcel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ParcelBody {
    bytes: Bytes,
    /// Where the channel's name ends, and the messages begin.
    name_end: usize,
    messages_at: usize,
}

/// Who wrote the messages of a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ParcelAuthor<'a> {
    /// The program of the origin.
    Server,
    /// A connection of this user, on whatever node.
    User {
        name: &'a str,
        /// Its number at the origin; older versions do not say it.
        connection: Option<u64>,
    },
    /// A connection of the origin without a user, by its number.
    Connection(u64),
}

/// What a parcel costs besides its bytes, roughly: its places in maps and queues.
const PARCEL_COST: usize = 128;

impl Parcel {
    /// Notes on a beat that it has come over one node more, as far as there is room for that.
    ///
    /// What is in `before` has to be below the number.
    pub(crate) fn count_node(&mut self) {
        self.before = (self.before + 1).min(self.number - 1);
    }

    /// Returns what it costs to keep it.
    pub(crate) const fn cost(&self) -> usize {
        self.body.bytes.len() + PARCEL_COST
    }
}

impl ParcelBody {
    /// Begins a body; [`ParcelDraft::push`] adds its messages.
    pub(crate) fn draft(channel: &str, author: ParcelAuthor<'_>) -> Option<ParcelDraft> {
        let name_len = u16::try_from(channel.len()).ok()?;
        let mut bytes = BytesMut::with_capacity(channel.len() + 256);
        bytes.put_u16_le(name_len);
        bytes.put_slice(channel.as_bytes());
        let name_end = bytes.len();
        match author {
            ParcelAuthor::Server => {
                bytes.put_u8(0);
                bytes.put_u16_le(0);
            }
            ParcelAuthor::User { name, connection: Some(number) }
                if name.len() + 8 <= usize::from(u16::MAX) =>
            {
                bytes.put_u8(3);
                bytes.put_u16_le(u16::try_from(name.len() + 8).ok()?);
                bytes.put_u64_le(number);
                bytes.put_slice(name.as_bytes());
            }
            ParcelAuthor::User { name, .. } => {
                bytes.put_u8(1);
                bytes.put_u16_le(u16::try_from(name.len()).ok()?);
                bytes.put_slice(name.as_bytes());
            }
            ParcelAuthor::Connection(number) => {
                bytes.put_u8(2);
                bytes.put_u16_le(8);
                bytes.put_u64_le(number);
            }
        }
        Some(ParcelDraft { messages_at: bytes.len(), bytes, name_end })
    }

    /// Reads a body that came over a link, whole: whoever takes it has only to look.
    pub(crate) fn decode(bytes: Bytes, name_bytes_max: usize) -> Result<Self, &'static str> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let mut rest: &[u8] = &bytes;
        let name_len = take_u16(&mut rest).ok_or("the name of a channel is cut off")?;
        let name = take(&mut rest, usize::from(name_len)).ok_or("the name of a channel is cut off")?;
        let name_end = 2 + channel_name(name, name_bytes_max)?.len();
        check_author(&mut rest)?;
        let messages_at = bytes.len() - rest.len();
        let body = Self { name_end, messages_at, bytes };
        for message in body.messages() {
            let message = message.map_err(|_| "a message is cut off, or not UTF-8")?;
            if message.channel != body.channel() || !message.opcode.is_for_members() {
                return Err("a message is not one for the members of its parcel's channel");
            }
        }
        Ok(body)
    }

    pub(crate) const fn is_beat(&self) -> bool {
        self.messages_at == 0
    }

    /// Returns the channel; that of a beat is empty.
    pub(crate) fn channel(&self) -> &str {
        let name = self.bytes.get(2..self.name_end).unwrap_or_default();
        // It was a text when this was made.
        str::from_utf8(name).unwrap_or_default()
    }

    pub(crate) fn author(&self) -> ParcelAuthor<'_> {
        let author = self.bytes.get(self.name_end..self.messages_at).unwrap_or_default();
        match author {
            [1, _, _, name @ ..] => {
                ParcelAuthor::User { name: str::from_utf8(name).unwrap_or_default(), connection: None }
            }
            [2, _, _, number @ ..] => {
                let number = number.first_chunk().copied().unwrap_or_default();
                ParcelAuthor::Connection(u64::from_le_bytes(number))
            }
            [3, _, _, author @ ..] => {
                let (number, name) = author.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
                let name = str::from_utf8(name).unwrap_or_default();
                ParcelAuthor::User { name, connection: Some(u64::from_le_bytes(*number)) }
            }
            _ => ParcelAuthor::Server,
        }
    }

    /// Returns it as a sister of an older version reads it.
    pub(crate) fn for_older(self) -> Self {
        let ParcelAuthor::User { name, connection: Some(_) } = self.author() else { return self };
        let author = ParcelAuthor::User { name, connection: None };
        let Some(mut draft) = Self::draft(self.channel(), author) else { return self };
        draft.bytes.put_slice(self.bytes.get(self.messages_at..).unwrap_or_default());
        draft.finish()
    }

    /// Returns the messages, in order.
    pub(crate) fn messages(&self) -> impl Iterator<Item = Result<MessageRef<'_>, Broken>> {
        let mut rest = self.bytes.get(self.messages_at..).unwrap_or_default();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let message = next_message(&mut rest);
            if message.is_none() {
                rest = &[];
            }
            Some(message.ok_or(Broken))
        })
    }

    pub(crate) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// A body does not say what its lengths promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// A body to which messages are added.
#[derive(Debug)]
pub(crate) struct ParcelDraft {
    bytes: BytesMut,
    name_end: usize,
    messages_at: usize,
}

impl ParcelDraft {
    /// Adds one message of the protocol, as it is encoded.
    pub(crate) fn push(&mut self, message: &[u8]) {
        // A message is shorter than `message_bytes_max`, which its own length field bounds.
        let Ok(len) = u32::try_from(message.len()) else { return };
        self.bytes.put_u32_le(len);
        self.bytes.put_slice(message);
    }

    pub(crate) fn finish(self) -> ParcelBody {
        ParcelBody { bytes: self.bytes.freeze(), name_end: self.name_end, messages_at: self.messages_at }
    }
}

/// Reads the name of a channel that a sister says.
pub(super) fn channel_name(name: &[u8], bytes_max: usize) -> Result<&str, &'static str> {
    let name = str::from_utf8(name).map_err(|_| "the name of a channel is not UTF-8")?;
    if name.starts_with('$') {
        return Err("a channel whose name begins with $ is not for sisters");
    }
    if name.len() > bytes_max {
        return Err("the name of a channel is longer than name_bytes_max, which all nodes have alike");
    }
    Ok(name)
}

fn check_author(rest: &mut &[u8]) -> Result<(), &'static str> {
    const CUT: &str = "the author of a parcel is cut off";
    let kind = *take(rest, 1).and_then(<[u8]>::first).ok_or(CUT)?;
    let len = take_u16(rest).ok_or(CUT)?;
    let author = take(rest, usize::from(len)).ok_or(CUT)?;
    match kind {
        0 if author.is_empty() => Ok(()),
        1 if str::from_utf8(author).is_ok() => Ok(()),
        2 if author.len() == 8 => Ok(()),
        3 if author.split_first_chunk::<8>().is_some_and(|(_, name)| str::from_utf8(name).is_ok()) => Ok(()),
        _ => Err("the author of a parcel is of no known kind"),
    }
}

fn next_message<'a>(rest: &mut &'a [u8]) -> Option<MessageRef<'a>> {
    let (len, behind) = rest.split_first_chunk()?;
    *rest = behind;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
    let message = MessageRef::decode(take(rest, len)?).ok()?;
    (message.encoded().len() == len).then_some(message)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(len)?;
    *rest = behind;
    Some(taken)
}

fn take_u16(rest: &mut &[u8]) -> Option<u16> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u16::from_le_bytes(*taken))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::{Message, Opcode};

    const NAME_BYTES_MAX: usize = 512;

    fn encoded(message: &Message) -> BytesMut {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes).expect("it is short");
        bytes
    }

    #[test]
    fn a_body_comes_back_as_it_was() {
        let user = |connection| ParcelAuthor::User { name: "alice", connection };
        for author in [ParcelAuthor::Server, user(None), user(Some(7)), ParcelAuthor::Connection(7)] {
            let mut draft = ParcelBody::draft("tea", author).expect("the names are short");
            let messages =
                [Message::new(Opcode::WRITE, "tea", "hot"), Message::new(Opcode::STREAM_END, "tea", "")];
            messages.iter().for_each(|message| draft.push(&encoded(message)));
            let body = draft.finish();
            let read = ParcelBody::decode(body.bytes().clone(), NAME_BYTES_MAX).expect("it is whole");
            assert_eq!((&read, read.channel(), read.author()), (&body, "tea", author));
            let back: Vec<_> =
                read.messages().map(|message| message.expect("it is whole").to_message()).collect();
            assert_eq!(back, messages);
            assert!(!read.is_beat());
        }
        assert!(ParcelBody::decode(Bytes::new(), NAME_BYTES_MAX).expect("it is a beat").is_beat());
    }

    #[test]
    fn what_is_not_for_sisters_is_refused() {
        let body = |channel, message: Message| {
            let mut draft = ParcelBody::draft(channel, ParcelAuthor::Server).expect("it is short");
            draft.push(&encoded(&message));
            ParcelBody::decode(draft.finish().bytes().clone(), NAME_BYTES_MAX)
        };
        assert!(body("$sys", Message::new(Opcode::WRITE, "$sys", "")).is_err(), "of the server's own");
        assert!(body("tea", Message::new(Opcode::WRITE, "cake", "")).is_err(), "of another channel");
        assert!(body("tea", Message::new(Opcode::BIND, "tea", "")).is_err(), "a request");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(body) = ParcelBody::decode(bytes.into(), NAME_BYTES_MAX) {
                prop_assert!(body.messages().all(|message| message.is_ok()));
            }
        }
    }
}
