//! The call that frees an inbox.

use super::Timeline;
use crate::{MemberId, Result, Seq};

impl Timeline {
    /// Frees a member's inbox up to `sequence`, and returns up to where it is free now.
    ///
    /// Those entries are gone from the inbox for all devices of the member, durably; the histories
    /// keep the messages. The floor never falls: a lower or repeated acknowledgement changes
    /// nothing. An inbox that is acknowledged to its end goes on counting where it was.
    ///
    /// # Cancel safety
    ///
    /// A dropped call takes effect whole or not at all; repeat it to know.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the inbox does not reach `sequence`:
    /// then nothing is freed; [`Unavailable`](crate::ErrorKind::Unavailable) when it is unknown
    /// whether it was freed; [`Closed`](crate::ErrorKind::Closed).
    pub async fn ack(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        self.store.ack(member, sequence).await
    }
}
