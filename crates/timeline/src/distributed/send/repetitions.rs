//! Sends whose message id was used before, here a moment ago or anywhere.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::slice;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::operation::{find_entries, floors_of};
use crate::distributed::box_id::BoxId;
use crate::distributed::documents::EntryDoc;
use crate::distributed::entry_id::EntryId;
use crate::distributed::shared::Shared;
use crate::store::{Append, Appended, IdempotencyKey};
use crate::{Conversation, Error, ErrorKind, MessageId, Result};

/// The answer to a send, when it comes.
pub(super) type Answer = oneshot::Receiver<Result<Appended>>;

/// The sends with a message id that wait or are written in this process.
#[derive(Debug, Clone, Default)]
pub(super) struct Underway(Arc<Mutex<HashMap<(Conversation, MessageId), FirstSend>>>);

/// The first send of a message id.
#[derive(Debug)]
struct FirstSend {
    digest: [u8; 16],
    /// Those who repeated it meanwhile, and get the same answer.
    joined: Vec<oneshot::Sender<Result<Appended>>>,
}

/// Who gets the answer to a send: its caller, and whoever repeated it meanwhile.
///
/// Dropped without an answer it leaves them to find out; see [`Sender`](super::Sender).
#[derive(Debug)]
pub(super) struct Reply {
    caller: Option<oneshot::Sender<Result<Appended>>>,
    underway: Option<(Underway, (Conversation, MessageId))>,
}

/// What a caller gets who hands over a send.
pub(super) enum Entered {
    /// The send is to be done, and answered by this.
    First(Reply, Answer),
    /// It repeats one that is under way, which has the same answer.
    Joined(Answer),
    /// Another message of that id is under way: enter it again after that one's answer.
    ///
    /// It may turn out to have no right to the id, too.
    Behind(Answer),
}

impl Underway {
    /// Enters a send.
    pub(super) fn enter(&self, append: &Append) -> Entered {
        let (caller, answer) = oneshot::channel();
        let Some(token) = &append.token else {
            return Entered::First(Reply { caller: Some(caller), underway: None }, answer);
        };
        let key = (append.conversation.clone(), token.message_id.clone());
        match self.0.lock().entry(key.clone()) {
            Place::Occupied(mut first) => {
                let repeats = token.repeats(&first.get().digest);
                first.get_mut().joined.push(caller);
                return if repeats { Entered::Joined(answer) } else { Entered::Behind(answer) };
            }
            Place::Vacant(place) => {
                place.insert(FirstSend { digest: token.digest, joined: Vec::new() });
            }
        }
        Entered::First(Reply { caller: Some(caller), underway: Some((self.clone(), key)) }, answer)
    }
}

impl Reply {
    /// Answers.
    pub(super) fn send(mut self, answer: &Result<Appended>) {
        for caller in self.take() {
            // Who does not wait any more misses nothing.
            drop(caller.send(answer.clone()));
        }
    }

    /// Takes all callers; whoever repeats the send from now on asks the store.
    fn take(&mut self) -> Vec<oneshot::Sender<Result<Appended>>> {
        let first = self.underway.take().and_then(|(underway, key)| underway.0.lock().remove(&key));
        let joined = first.map(|first| first.joined).unwrap_or_default();
        self.caller.take().into_iter().chain(joined).collect()
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        drop(self.take());
    }
}

/// What the store knows of a message id.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing, or only a message that is gone; an entry with it gets this `_id`.
    Free(EntryId),
    /// The entry that has it.
    Used(Box<EntryDoc>),
}

/// How many entries of one message id there can be at a time.
///
/// All but one of them are gone from their history, and not removed yet.
const SALTS: u32 = 4;

/// Looks up what is known of message ids, in their order.
///
/// The answer to each is an error if it cannot be used now.
pub(super) async fn look_up(shared: &Shared, wanted: &[(BoxId, MessageId)]) -> Result<Vec<Result<Known>>> {
    let keys_of = |(history, message_id): &(BoxId, MessageId)| -> Vec<EntryId> {
        (0..SALTS).map(|salt| EntryId::of_message(history, message_id, salt)).collect()
    };
    let keys: Vec<_> = wanted.iter().map(keys_of).collect();
    let pairs = wanted.iter().zip(&keys);
    let pairs = pairs.flat_map(|((history, _), keys)| keys.iter().map(move |key| (history, *key)));
    let pairs: Vec<_> = pairs.collect();
    let found = find_entries(shared, pairs).await?;
    let floors = floors_of(shared, &found).await?;
    let mut found: HashMap<_, _> = found.into_iter().map(|entry| (entry.key, entry)).collect();
    let known = wanted.iter().zip(keys).map(|((_, message_id), keys)| {
        let is_left = |entry: &EntryDoc| floors.get(&entry.boxed).is_none_or(|floor| entry.seq > *floor);
        let used = keys.iter().find(|key| found.get(*key).is_some_and(is_left));
        if let Some(used) = used.and_then(|key| found.remove(key)) {
            return Ok(Known::Used(Box::new(used)));
        }
        // The message ids of what is gone are free at once, and its documents are removed later.
        let free = keys.into_iter().find(|key| !found.contains_key(key));
        free.map(Known::Free).ok_or_else(|| spent(message_id))
    });
    Ok(known.collect())
}

/// Returns whether an entry of a history is gone: it lies at or below the floor.
pub(super) async fn is_gone(shared: &Shared, entry: &EntryDoc) -> Result<bool> {
    let floors = floors_of(shared, slice::from_ref(entry)).await?;
    Ok(floors.get(&entry.boxed).is_some_and(|floor| entry.seq <= *floor))
}

/// Checks that a send repeats the one that had its message id first.
pub(super) fn check_repeats(token: &IdempotencyKey, first: &EntryDoc) -> Result<()> {
    let repeats = first.record.as_ref().is_some_and(|record| record.is_repeated_by(token));
    if repeats { Ok(()) } else { Err(used(token)) }
}

fn used(token: &IdempotencyKey) -> Error {
    let text = format!(
        "the message id {} was used before for another message; give each message its own id",
        token.message_id
    );
    Error::new(ErrorKind::Conflict, text)
}

fn spent(message_id: &MessageId) -> Error {
    let text = format!(
        "the message id {message_id} was used for {SALTS} messages that are gone and not removed yet; use \
         another one, or send again later"
    );
    Error::new(ErrorKind::Unavailable, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Destination, MemberId, Message, Seq};

    fn append(digest: u8) -> Append {
        let member = |id: &str| MemberId::new(id).unwrap();
        Append {
            conversation: Conversation::single(member("a"), member("b")),
            from: Some(member("a")),
            to: Destination::Member(member("b")),
            recipients: vec![member("a"), member("b")],
            message: Message::from_stored("{}"),
            token: Some(IdempotencyKey::new(MessageId::new("id").unwrap(), [digest; 16])),
        }
    }

    fn appended() -> Result<Appended> {
        Ok(Appended::new(Seq::ZERO.next(), Seq::ZERO.next(), Vec::new()))
    }

    #[tokio::test]
    async fn repetitions_of_a_send_under_way_get_its_answer() {
        let underway = Underway::default();
        let Entered::First(reply, first) = underway.enter(&append(1)) else { panic!("not the first") };
        let Entered::Joined(joined) = underway.enter(&append(1)) else { panic!("not joined") };
        let Entered::Behind(behind) = underway.enter(&append(2)) else { panic!("not behind") };
        reply.send(&appended());
        for answer in [first, joined, behind] {
            assert_eq!(answer.await.unwrap().unwrap(), appended().unwrap());
        }
        assert!(matches!(underway.enter(&append(2)), Entered::First(..)), "the store knows it now");
    }

    #[tokio::test]
    async fn a_send_that_is_dropped_lets_go_of_its_message_id() {
        let underway = Underway::default();
        let Entered::First(reply, first) = underway.enter(&append(1)) else { panic!("not the first") };
        drop(reply);
        assert!(first.await.is_err());
        assert!(underway.0.lock().is_empty());
    }

    #[test]
    fn sends_without_a_message_id_are_all_first() {
        let underway = Underway::default();
        let bare = Append { token: None, ..append(1) };
        let both = [underway.enter(&bare), underway.enter(&bare)];
        assert!(both.iter().all(|entered| matches!(entered, Entered::First(..))));
        assert!(underway.0.lock().is_empty());
    }
}
