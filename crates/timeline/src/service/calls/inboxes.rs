//! The calls about inboxes as their readers go on, and the sends of a batch.

use http::Extensions;

use super::{Calls, new_message};
use crate::proto::v1;
use crate::service::in_flight::{AnswerMemory, RequestConnection};
use crate::service::rules::Rules;
use crate::service::watches::Watches;
use crate::service::watching::{NotWatched, Watching};
use crate::service::{CallRefused, Caller, Code, fields};
use crate::{Error, Position, Result, SENDS_MAX, Sent, Tag};

impl Calls {
    pub(crate) async fn ack(&self, caller: &Caller, request: v1::AckRequest) -> Result<v1::AckReply> {
        let rules = Rules::of(caller);
        let sequence = fields::sequence(request.sequence)?;
        let member = fields::member("member", rules.filled_in(request.member))?;
        rules.free_inbox(&member)?;
        let floor = self.timeline.ack(&member, sequence).await?;
        Ok(v1::AckReply { floor: floor.to_i64() })
    }

    pub(crate) async fn received(
        &self,
        caller: &Caller,
        request: v1::ReceivedRequest,
    ) -> Result<v1::ReceivedReply> {
        let rules = Rules::of(caller);
        let sequence = fields::sequence(request.sequence)?;
        let member = fields::member("member", rules.filled_in(request.member))?;
        rules.note_received(&member)?;
        let sequence = self.timeline.received(&member, sequence).await?;
        Ok(v1::ReceivedReply { sequence: sequence.to_i64() })
    }

    /// Anybody may ask this about anybody, as over the hub: senders show it beside what they sent.
    pub(crate) async fn received_of(
        &self,
        caller: &Caller,
        request: v1::ReceivedOfRequest,
    ) -> Result<v1::ReceivedReply> {
        let member = fields::member("member", Rules::of(caller).filled_in(request.member))?;
        let sequence = self.timeline.received_of(&member).await?;
        Ok(v1::ReceivedReply { sequence: sequence.to_i64() })
    }

    /// Returns the watch of an inbox, which ends when the caller of these extensions may not watch
    /// any longer.
    pub(crate) fn watch(
        &self,
        caller: &Caller,
        request: v1::WatchRequest,
        extensions: &Extensions,
        bounds: (&Watches, &AnswerMemory),
    ) -> Result<Watching, NotWatched> {
        let rules = Rules::of(caller);
        let position = Position::new(fields::last_read(request.last_read)?, request.last_tag.map(Tag::new));
        let member = fields::member("member", rules.filled_in(request.member))?;
        rules.read_inbox(&member)?;
        // The place comes first, so that a client who is refused costs the store nothing.
        let (watches, memory) = bounds;
        let place = watches.take(&member)?;
        let watch = self.timeline.watch(&member, position);
        let connection = extensions.get::<RequestConnection>().cloned();
        Ok(Watching::new(watch, place, self.callers.ended(extensions), memory, connection))
    }

    /// Counts the sends of a batch; the call itself was counted as one.
    pub(crate) fn count_batch(
        &self,
        extensions: &Extensions,
        request: &v1::SendBatchRequest,
    ) -> Result<(), CallRefused> {
        // A batch that is too long is refused below, and costs no more than the longest.
        match request.sends.len().min(SENDS_MAX).saturating_sub(1) {
            0 => Ok(()),
            more => self.callers.count_batch(extensions, more),
        }
    }

    pub(crate) async fn send_batch(
        &self,
        caller: &Caller,
        request: v1::SendBatchRequest,
    ) -> Result<v1::SendBatchReply> {
        let rules = Rules::of(caller);
        let count = request.sends.len();
        if count > SENDS_MAX {
            let text = format!("the list has {count} messages; at most {SENDS_MAX} are allowed");
            return Err(Error::invalid(text).in_field("sends"));
        }
        // Those that cannot be sent keep their places, and the others go to the store together.
        let mut results = Vec::with_capacity(count);
        let (mut sends, mut places) = (Vec::new(), Vec::new());
        for (place, send) in request.sends.into_iter().enumerate() {
            results.push(v1::SendBatchResult::default());
            match new_message(rules, send) {
                Ok(send) => {
                    sends.push(send);
                    places.push(place);
                }
                Err(error) => results[place] = failure(&error),
            }
        }
        let sent = if sends.is_empty() { Vec::new() } else { self.timeline.send_batch(sends).await? };
        for (place, sent) in places.into_iter().zip(sent) {
            results[place] = result(sent);
        }
        Ok(v1::SendBatchReply { results })
    }
}

fn result(sent: Result<Sent>) -> v1::SendBatchResult {
    match sent {
        Ok(sent) => {
            let (sequence, place) = (sent.sequence.to_i64(), sent.place.to_i64());
            v1::SendBatchResult { sequence, place, ..Default::default() }
        }
        Err(error) => failure(&error),
    }
}

fn failure(error: &Error) -> v1::SendBatchResult {
    let reason = Code::from(error.kind()).reason.to_owned();
    v1::SendBatchResult { reason, message: error.to_string(), ..Default::default() }
}
