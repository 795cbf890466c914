//! Pushes new entries to their readers, and tells senders what was received.
//!
//! ```text
//! store ──appended──► InboxPublisher ──► $inbox:bob     ──► bob's connections
//! store ──read──────► InboxPublisher ──► $read:bob      ──► bob's connections
//! bob   ──received──► Receipts ──► store, $received:bob ──► whoever waits for it
//! hub   ──bound─────► InboxInterest ──► store     tells of what others wrote for bob, too
//! ```
//!
//! # Shapes
//!
//! ```text
//! $inbox:bob      {"sequence":"57","message":"<its JSON>","from":"alice","to":"bob",…}    as a sync has it
//! $read:bob       {"member":"alice","with":"alice","read":"57"}, or "group" in place of "with";
//!                 {"cut":true} where some may have been missed
//! $received:bob   {"member":"bob","sequence":"57"}
//! ```

mod followed;
mod inbox_interest;
mod inbox_publisher;

use conductor_hub::Hub;
use serde_json::json;
use timeline::{Error, MemberId, Seq, Timeline};

pub use self::inbox_interest::{InboxInterest, InterestHook};
pub use self::inbox_publisher::InboxPublisher;
use crate::channel;

/// How far members have received their inboxes: stored, and told to who waits.
///
/// A member has received what one of its programs has. Cheap to clone. It has no task: whoever
/// calls it waits for the store. Most programs call it from their
/// [`AsyncHandler`](conductor_hub::calls::AsyncHandler), as a hub's handler must not wait.
#[derive(Debug, Clone)]
pub struct Receipts {
    timeline: Timeline,
    hub: Hub,
}

impl Receipts {
    /// Creates receipts that are stored in a timeline and told to the clients of a hub.
    #[must_use]
    pub fn new(timeline: Timeline, hub: Hub) -> Self {
        Self { timeline, hub }
    }

    /// Notes that a program of a member has received the inbox up to `sequence`.
    ///
    /// Returns how far the member has received it, which never falls, and publishes that on the
    /// channel [`received`](channel::received) of the member.
    ///
    /// # Errors
    ///
    /// Those of [`Timeline::received`].
    pub async fn received(&self, member: &MemberId, sequence: Seq) -> Result<Seq, Error> {
        // The order matters: it is told once it is durable, so no crash takes back what a sender
        // saw.
        let sequence = self.timeline.received(member, sequence).await?;
        self.tell(member, sequence);
        Ok(sequence)
    }

    /// Returns how far a member has received its inbox; 0 if nobody ever said.
    ///
    /// # Errors
    ///
    /// Those of [`Timeline::received_of`].
    pub async fn received_of(&self, member: &MemberId) -> Result<Seq, Error> {
        self.timeline.received_of(member).await
    }

    /// Tells those who wait for it how far a member has come. Positions only grow, so a late one
    /// does no harm, and who is behind needs no more than the last.
    fn tell(&self, member: &MemberId, sequence: Seq) {
        let body = receipt(member, sequence);
        if let Err(error) = self.hub.publish_latest(&channel::received(member.as_str()), body) {
            tracing::warn!(
                error = %format_args!("{error:#}"),
                "a receipt could not be published; the next one includes it"
            );
        }
    }
}

/// Returns a receipt as JSON of the shape above, for the answer to a call.
#[must_use]
pub fn receipt(member: &MemberId, sequence: Seq) -> String {
    json!({ "member": member.as_str(), "sequence": sequence.get().to_string() }).to_string()
}
