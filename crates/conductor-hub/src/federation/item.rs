//! What goes over a link, as bytes; pure.
//!
//! ```text
//! u8 kind | u32 length of the rest | rest                                 one item
//!
//! kind              rest
//! 1 parcel          16 origin | u64 number | u64 covers from | u64 before (of a beat: nodes that it
//!                   has come over) | body, see `parcel`
//! 2 nothing for you 16 origin | u64 first | u64 last
//! 3 interest        u8 hops, 0 for none | channel name
//! 4 interest whole
//! 5 alive
//! 6 meta query
//! 7 meta response   u32 sisters | u32 most sisters
//! 8 pace            16 node | u64 number | u8 mark: 0 free, 1 half, 2 upper | channel name
//! 9 taken           u64 parcels that were taken since the link began
//! 10 doubt          16 origin | u64 first | u64 last
//! ```
//!
//! Whoever does not know a kind leaves its items out. Nodes that know neither 8 nor 9 hold up
//! nobody, and only what waits in the queue to them counts; they are known by never saying 9. Nodes
//! that do not know 10 take those numbers for lost.
//!
//! All numbers are little-endian. One WebSocket message holds one or more whole items.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::interest::EVERYTHING;
use super::node_id::NodeId;
use super::pace::{Pace, PaceMark};
use super::parcel::{Parcel, ParcelBody, channel_name};

/// One thing that a link carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A parcel. Numbers from this one on that came before it are not for the sister.
    Parcel(u64, Parcel),
    /// These numbers of an origin are not for the sister.
    Nothing {
        origin: NodeId,
        first: u64,
        last: u64,
    },
    /// These numbers of an origin did not come to whoever says so, and were hardly for the sister:
    /// a link denied them that is too young to be believed.
    Doubt {
        origin: NodeId,
        first: u64,
        last: u64,
    },
    /// The sister has members so many links away, or none.
    Interest {
        name: Box<str>,
        hops: u8,
    },
    /// What the sister wants was told.
    InterestWhole,
    /// The sister is there, though she has nothing to say.
    Alive,
    /// How many sisters has the sister?
    MetaQuery,
    MetaResponse {
        sisters: u32,
        most: u32,
    },
    /// How far readers of a channel are behind at some node.
    Pace(Pace),
    /// How many parcels the sister has taken since the link began.
    Taken {
        parcels: u64,
    },
}

/// Bytes in front of the rest of an item.
const HEAD: usize = 5;

/// Bytes of a parcel in front of its body.
const PARCEL_HEAD: usize = 16 + 3 * 8;

/// Bytes of a pace in front of the name.
const PACE_HEAD: usize = 16 + 8 + 1;

impl Item {
    /// Returns how many bytes it has on a link.
    pub(crate) fn encoded_len(&self) -> usize {
        HEAD + match self {
            Self::Parcel(_, parcel) => PARCEL_HEAD + parcel.body.bytes().len(),
            Self::Nothing { .. } | Self::Doubt { .. } => 32,
            Self::Interest { name, .. } => 1 + name.len(),
            Self::InterestWhole | Self::Alive | Self::MetaQuery => 0,
            Self::MetaResponse { .. } | Self::Taken { .. } => 8,
            Self::Pace(pace) => PACE_HEAD + pace.channel.len(),
        }
    }

    /// Returns it as a sister of an older version reads it.
    pub(crate) fn for_older(self) -> Self {
        match self {
            Self::Parcel(first, Parcel { origin, number, before, body }) => {
                Self::Parcel(first, Parcel { origin, number, before, body: body.for_older() })
            }
            other => other,
        }
    }

    /// Appends it to what is sent next.
    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let kind = match self {
            Self::Parcel(..) => 1,
            Self::Nothing { .. } => 2,
            Self::Interest { .. } => 3,
            Self::InterestWhole => 4,
            Self::Alive => 5,
            Self::MetaQuery => 6,
            Self::MetaResponse { .. } => 7,
            Self::Pace(..) => 8,
            Self::Taken { .. } => 9,
            Self::Doubt { .. } => 10,
        };
        out.put_u8(kind);
        // Bodies are bounded by `message_bytes_max` and the length of a row, far below 4 GiB.
        out.put_u32_le(u32::try_from(self.encoded_len() - HEAD).unwrap_or(u32::MAX));
        match self {
            Self::Parcel(first, parcel) => {
                out.put_slice(parcel.origin.as_bytes());
                out.put_u64_le(parcel.number);
                out.put_u64_le(*first);
                out.put_u64_le(parcel.before);
                out.put_slice(parcel.body.bytes());
            }
            Self::Nothing { origin, first, last } | Self::Doubt { origin, first, last } => {
                out.put_slice(origin.as_bytes());
                out.put_u64_le(*first);
                out.put_u64_le(*last);
            }
            Self::Interest { name, hops } => {
                out.put_u8(*hops);
                out.put_slice(name.as_bytes());
            }
            Self::MetaResponse { sisters, most } => {
                out.put_u32_le(*sisters);
                out.put_u32_le(*most);
            }
            Self::Pace(pace) => {
                out.put_slice(pace.node.as_bytes());
                out.put_u64_le(pace.number);
                out.put_u8(pace.mark.byte());
                out.put_slice(pace.channel.as_bytes());
            }
            Self::Taken { parcels } => out.put_u64_le(*parcels),
            Self::InterestWhole | Self::Alive | Self::MetaQuery => {}
        }
    }

    /// Takes the next item off what came; `None` at the end.
    ///
    /// Names of channels have at most so many bytes, as in messages of clients. An item of a kind
    /// that is not known is left out, so that a newer sister may say more.
    pub(crate) fn decode(batch: &mut Bytes, name_bytes_max: usize) -> Result<Option<Self>, &'static str> {
        loop {
            if batch.is_empty() {
                return Ok(None);
            }
            if batch.len() < HEAD {
                return Err("an item is cut off");
            }
            let kind = batch.get_u8();
            let len = usize::try_from(batch.get_u32_le()).map_err(|_| "an item is too long")?;
            if len > batch.len() {
                return Err("an item is cut off");
            }
            let rest = batch.split_to(len);
            if let Some(item) = Self::of(kind, rest, name_bytes_max)? {
                return Ok(Some(item));
            }
        }
    }

    fn of(kind: u8, mut rest: Bytes, name_bytes_max: usize) -> Result<Option<Self>, &'static str> {
        let fixed = match kind {
            1 => PARCEL_HEAD,
            2 | 10 => 32,
            3 => 1,
            7 | 9 => 8,
            8 => PACE_HEAD,
            _ => 0,
        };
        if rest.len() < fixed {
            return Err("an item is shorter than its kind");
        }
        Ok(Some(match kind {
            1 => {
                let origin = take_node(&mut rest);
                let (number, first, before) = (rest.get_u64_le(), rest.get_u64_le(), rest.get_u64_le());
                if number == 0 || number == u64::MAX || first == 0 || first > number || before >= number {
                    return Err("the numbers of a parcel contradict each other");
                }
                let body = ParcelBody::decode(rest, name_bytes_max)?;
                Self::Parcel(first, Parcel { origin, number, before, body })
            }
            2 | 10 => {
                let origin = take_node(&mut rest);
                let (first, last) = (rest.get_u64_le(), rest.get_u64_le());
                if first == 0 || first > last || last == u64::MAX {
                    return Err("the numbers of a span contradict each other");
                }
                if kind == 2 {
                    Self::Nothing { origin, first, last }
                } else {
                    Self::Doubt { origin, first, last }
                }
            }
            3 => {
                let hops = rest.get_u8();
                let is_everything = *rest == *EVERYTHING.as_bytes();
                let name = if is_everything { EVERYTHING } else { channel_name(&rest, name_bytes_max)? };
                Self::Interest { name: name.into(), hops }
            }
            4 => Self::InterestWhole,
            5 => Self::Alive,
            6 => Self::MetaQuery,
            7 => Self::MetaResponse { sisters: rest.get_u32_le(), most: rest.get_u32_le() },
            8 => {
                let node = take_node(&mut rest);
                let (number, mark) = (rest.get_u64_le(), PaceMark::of_byte(rest.get_u8()));
                let channel = channel_name(&rest, name_bytes_max)?.into();
                Self::Pace(Pace { node, number, mark, channel })
            }
            9 => Self::Taken { parcels: rest.get_u64_le() },
            _ => return Ok(None),
        }))
    }
}

fn take_node(rest: &mut Bytes) -> NodeId {
    let mut node = [0; 16];
    rest.copy_to_slice(&mut node);
    NodeId::from_bytes(node)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::federation::parcel::ParcelAuthor;

    const NAME_BYTES_MAX: usize = 512;

    #[test]
    fn items_come_back_as_they_were() {
        let origin = NodeId::from_bytes([7; 16]);
        let alice = ParcelAuthor::User { name: "alice", connection: Some(7) };
        let body = ParcelBody::draft("tea", alice).expect("it is short").finish();
        let items = [
            Item::Parcel(5, Parcel { origin, number: 9, before: 4, body }),
            Item::Parcel(1, Parcel { origin, number: 1, before: 0, body: ParcelBody::default() }),
            Item::Nothing { origin, first: 2, last: 3 },
            Item::Doubt { origin, first: 2, last: 3 },
            Item::Interest { name: "tea".into(), hops: 3 },
            Item::InterestWhole,
            Item::Alive,
            Item::MetaQuery,
            Item::MetaResponse { sisters: 3, most: 8 },
            Item::Pace(Pace { node: origin, number: 3, mark: PaceMark::Upper, channel: "tea".into() }),
            Item::Taken { parcels: 9 },
        ];
        let mut batch = BytesMut::new();
        for item in &items {
            let before = batch.len();
            item.encode(&mut batch);
            assert_eq!(batch.len() - before, item.encoded_len(), "{item:?}");
        }
        let mut batch = batch.freeze();
        for item in items {
            assert_eq!(Item::decode(&mut batch, NAME_BYTES_MAX), Ok(Some(item)));
        }
        assert_eq!(Item::decode(&mut batch, NAME_BYTES_MAX), Ok(None));
    }

    #[test]
    fn an_unknown_kind_is_left_out() {
        let mut batch = BytesMut::from(&[200, 2, 0, 0, 0, 1, 1][..]);
        Item::MetaQuery.encode(&mut batch);
        assert_eq!(Item::decode(&mut batch.freeze(), NAME_BYTES_MAX), Ok(Some(Item::MetaQuery)));
    }

    #[test]
    fn a_sister_of_an_older_version_reads_a_user_without_a_connection() {
        let parcel = |author| {
            let mut draft = ParcelBody::draft("tea", author).expect("it is short");
            draft.push(b"a message");
            let origin = NodeId::from_bytes([7; 16]);
            Item::Parcel(1, Parcel { origin, number: 1, before: 0, body: draft.finish() })
        };
        let user = |connection| ParcelAuthor::User { name: "alice", connection };
        assert_eq!(parcel(user(Some(7))).for_older(), parcel(user(None)));
        for same in [ParcelAuthor::Server, user(None), ParcelAuthor::Connection(7)] {
            assert_eq!(parcel(same).for_older(), parcel(same));
        }
    }

    #[test]
    fn what_is_of_a_server_alone_has_no_pace() {
        let pace = Pace {
            node: NodeId::from_bytes([7; 16]),
            number: 1,
            mark: PaceMark::Half,
            channel: "$sys".into(),
        };
        let mut batch = BytesMut::new();
        Item::Pace(pace).encode(&mut batch);
        Item::decode(&mut batch.freeze(), NAME_BYTES_MAX).expect_err("no sister says that");
    }

    #[test]
    fn a_name_that_is_longer_than_those_of_clients_is_no_item() {
        let origin = NodeId::from_bytes([7; 16]);
        let items = |name: &str| {
            let body = ParcelBody::draft(name, ParcelAuthor::Server).expect("it is short").finish();
            [
                Item::Parcel(1, Parcel { origin, number: 1, before: 0, body }),
                Item::Interest { name: name.into(), hops: 1 },
                Item::Pace(Pace { node: origin, number: 1, mark: PaceMark::Half, channel: name.into() }),
            ]
        };
        let decoded = |item: &Item| {
            let mut batch = BytesMut::new();
            item.encode(&mut batch);
            Item::decode(&mut batch.freeze(), 3)
        };
        for item in items("tea") {
            assert_eq!(decoded(&item), Ok(Some(item)));
        }
        for item in items("cake") {
            let fault = decoded(&item).expect_err("the name is too long");
            assert!(fault.contains("name_bytes_max"), "{fault}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let mut batch = Bytes::from(bytes);
            while let Ok(Some(_)) = Item::decode(&mut batch, NAME_BYTES_MAX) {}
        }
    }
}
