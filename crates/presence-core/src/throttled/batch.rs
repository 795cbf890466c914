//! Heartbeats of many callers that go through in one call.

use std::collections::HashMap;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::refresh_entry::RefreshId;
use super::refresh_table::{Ask, RefreshTable};
use crate::batch::BatchError;
use crate::error::{Error, ErrorKind};
use crate::name::Id;
use crate::tracker::Millis;

/// The heartbeats of one caller that have to go through.
#[derive(Debug)]
pub(super) struct HeartbeatRequest {
    pub(super) ids: Vec<Id>,
    /// Until when they must be on their way.
    pub(super) until: Instant,
    pub(super) reply: oneshot::Sender<Failures>,
}

/// What failed of a request, by index.
pub(super) type Failures = Vec<(usize, Error)>;

/// One call in the making.
#[derive(Debug)]
pub(super) struct HeartbeatBatch {
    number: u64,
    /// Each id once.
    ids: Vec<Id>,
    requests: Vec<ReplyPart>,
}

/// Which caller gets which part of the answer.
#[derive(Debug)]
struct ReplyPart {
    reply: oneshot::Sender<Failures>,
    /// The indices in the batch; none for ids that need no call any more.
    indices: Vec<Option<u32>>,
}

impl HeartbeatBatch {
    /// Creates a batch; the number must be its own.
    pub(super) fn new(number: u64) -> Self {
        Self { number, ids: Vec::new(), requests: Vec::new() }
    }

    pub(super) fn ids(&self) -> &[Id] {
        &self.ids
    }

    /// Adds what of a request still has to go through.
    pub(super) fn add(&mut self, request: HeartbeatRequest, known: &RefreshTable) {
        let HeartbeatRequest { ids, until, reply } = request;
        if Instant::now() >= until {
            let error = Error::new(
                ErrorKind::Unavailable,
                "the heartbeat waited longer than wait_max to be sent, as the store of presence is too slow",
            );
            drop(reply.send((0..ids.len()).map(|index| (index, error.clone())).collect()));
            return;
        }
        // The caller has given up waiting, so its heartbeats are not sent.
        if reply.is_closed() {
            return;
        }
        let indices = ids.into_iter().map(|id| self.index(id, known)).collect();
        self.requests.push(ReplyPart { reply, indices });
    }

    fn index(&mut self, id: Id, known: &RefreshTable) -> Option<u32> {
        let next = u32::try_from(self.ids.len()).expect("a batch has at most 2^16 ids");
        match known.ask(&id, RefreshId { batch: self.number, index: next }) {
            Ask::Fresh => None,
            Ask::Refresh(index) => {
                if index == next {
                    self.ids.push(id);
                }
                Some(index)
            }
        }
    }

    /// Remembers what went through at `sent`, and tells each caller what did not.
    pub(super) fn finish(self, result: Result<(), BatchError>, sent: Millis, known: &RefreshTable) {
        let failures = result.err().map_or(Vec::new(), |error| error.into_parts().1);
        let failed = failures.into_iter().filter_map(|failure| {
            let index = u32::try_from(failure.index()).ok()?;
            Some((index, failure.error().clone()))
        });
        let failed: HashMap<u32, Error> = failed.collect();
        // The order matters: what is known is noted before the callers are told, so that one which
        // beats again at once is answered here.
        for (index, id) in (0..).zip(&self.ids) {
            let token = RefreshId { batch: self.number, index };
            known.learn(id, None, token, sent, !failed.contains_key(&index));
        }
        for ReplyPart { reply, indices } in self.requests {
            let failures = indices.iter().enumerate().filter_map(|(index, asked)| {
                let error = failed.get(asked.as_ref()?)?;
                Some((index, error.clone()))
            });
            // The send fails if the caller has stopped waiting for the answer, which is fine.
            drop(reply.send(failures.collect()));
        }
    }
}
