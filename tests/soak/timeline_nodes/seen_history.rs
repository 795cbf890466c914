//! What was answered and read of one history.

use std::collections::HashMap;

use crate::fault::Fault;
use crate::line::Talk;

/// What is known of the places of a history, by whomever it was seen.
#[derive(Default)]
pub(crate) struct SeenHistory {
    /// The id of the message at each place; none at those that have no message.
    ids: HashMap<u64, Option<String>>,
    /// The place of each message.
    places: HashMap<String, u64>,
}

impl SeenHistory {
    /// Notes what is at a place, which is so for ever.
    pub(crate) fn note(&mut self, talk: Talk, place: u64, id: Option<&str>) -> Result<(), Fault> {
        let before = self.ids.entry(place).or_insert_with(|| id.map(str::to_owned));
        if before.as_deref() != id {
            return Err(format!("place {place} of {talk:?} has {id:?}, and had {before:?} before").into());
        }
        // What its history has lost may be sent once more with its id.
        if let (Talk::Pair(..) | Talk::Group, Some(id)) = (talk, id)
            && let Some(before) = self.places.insert(id.to_owned(), place)
            && before != place
        {
            return Err(format!("{talk:?} has {id} at {before} and at {place}").into());
        }
        Ok(())
    }
}
