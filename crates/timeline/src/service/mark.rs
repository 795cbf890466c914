//! Where the next page of a list of conversations begins, as an opaque text.
//!
//! ```text
//! mark := base64url(version:u8 = 1, kind:u8, Unix ms:u64, name)
//! kind := 0 a conversation of two, whose name is the other member; 1 a group
//! ```
//!
//! Who owns the list is not in it: a mark stands for a place in the list of whoever sends it, so
//! that one of another's list leads nowhere but into the own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{Conversation, ConversationMark, Error, GroupName, MemberId, Parties, Result};

const VERSION: u8 = 1;

const PAIR: u8 = 0;
const GROUP: u8 = 1;

/// Writes the mark of a conversation in the list of `member`.
pub(super) fn write(mark: &ConversationMark, member: &MemberId) -> String {
    let (kind, name) = match mark.conversation.parties() {
        Parties::Pair(one, other) => (PAIR, if one == member { other.as_str() } else { one.as_str() }),
        Parties::Group(group) => (GROUP, group.as_str()),
    };
    let mut bytes = vec![VERSION, kind];
    bytes.extend_from_slice(&mark.at_ms.to_be_bytes());
    bytes.extend_from_slice(name.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads the mark in the field `after` of a request for the list of `member`.
pub(super) fn read(text: &str, member: &MemberId) -> Result<ConversationMark> {
    parsed(text, member).ok_or_else(|| {
        let why = "the text does not say where a page begins; send the text next of the page before, or \
                   nothing for the first page";
        Error::invalid(why).in_field("after")
    })
}

fn parsed(text: &str, member: &MemberId) -> Option<ConversationMark> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let ([version, kind, at_ms @ ..], name) = bytes.split_first_chunk::<10>()?;
    let name = std::str::from_utf8(name).ok()?;
    let conversation = match (*version, *kind) {
        (VERSION, PAIR) => Conversation::single(member.clone(), MemberId::new(name).ok()?),
        (VERSION, GROUP) => Conversation::group(GroupName::new(name).ok()?),
        _ => return None,
    };
    Some(ConversationMark::new(u64::from_be_bytes(*at_ms), conversation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn marks() -> [ConversationMark; 4] {
        let pair = |other: &str| Conversation::single(member("mary"), member(other));
        let group = Conversation::group(GroupName::new("mary").unwrap());
        [
            ConversationMark::new(0, pair("alice")),
            ConversationMark::new(1_790_000_000_000, pair("zoe")),
            ConversationMark::new(u64::MAX, pair("mary")),
            ConversationMark::new(7, group),
        ]
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        for mark in marks() {
            let text = write(&mark, &member("mary"));
            assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')), "{text}");
            assert_eq!(read(&text, &member("mary")).unwrap(), mark);
        }
    }

    #[test]
    fn a_mark_of_another_list_leads_into_the_own() {
        let [to_alice, ..] = marks();
        let text = write(&to_alice, &member("mary"));
        let own = Conversation::single(member("eve"), member("alice"));
        assert_eq!(read(&text, &member("eve")).unwrap().conversation, own);
    }

    #[test]
    fn what_is_no_mark_is_refused_in_its_field() {
        let [mark, ..] = marks();
        let whole = write(&mark, &member("mary"));
        let bytes = URL_SAFE_NO_PAD.decode(&whole).unwrap();
        let with = |at: usize, byte: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            URL_SAFE_NO_PAD.encode(bytes)
        };
        let without_name = URL_SAFE_NO_PAD.encode(&bytes[..10]);
        let long = URL_SAFE_NO_PAD.encode([&bytes[..10], &[b'n'; 513]].concat());
        let padded = format!("{whole}=");
        let changed = [with(0, 2), with(1, 2), with(10, 0xff), with(10, b'\n'), without_name, long, padded];
        let texts = ["x", "alice", "AQ", &whole[1..]].map(str::to_owned);
        for text in texts.into_iter().chain(changed) {
            let error = read(&text, &member("mary")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
            assert!(error.to_string().starts_with("after: the text does not say"), "{error}");
        }
    }
}
