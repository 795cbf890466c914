//! What calls are planned with: those that wait, and the next batch.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Waker};

use tokio::sync::mpsc;

use super::answering::Answered;
use super::job::{Job, Obstacles, Reply};
use super::{Command, RECENT_MAX};
use crate::embedded::clock;
use crate::embedded::fair_queue::FairQueue;
use crate::embedded::lanes::{LanePermit, LaneTurn};
use crate::embedded::plan::{BeforeBatch, DraftBatch, Plan, Unwritten};
use crate::embedded::recent::Recent;
use crate::embedded::shared::Shared;
use crate::embedded::tables::Tables;
use crate::embedded::upkeep::{Upkeep, UpkeepReply};
use crate::{Error, Result, Retention};

/// Where calls wait and are planned.
///
/// It is the committing thread's, which lends it to `timeline-plan` while it writes a batch.
pub(in crate::embedded) struct PlanningDesk {
    shared: Arc<Shared>,
    pub(super) commands: mpsc::Receiver<Command>,
    queue: FairQueue<LaneTurn, (Job, LanePermit)>,
    /// The commands that the channel had, while they are taken in.
    arrived: Vec<Command>,
    /// The calls that have had their turn, and are planned next.
    taken: VecDeque<(Job, LanePermit)>,
    /// What the thread that rewrites the files asks for.
    ///
    /// That waits for each answer, so there is one at most.
    pub(super) upkeeps: VecDeque<(Upkeep, UpkeepReply)>,
    /// The batch that is being planned, if it was begun.
    next: Option<NextBatch>,
    /// The batch that is being written.
    pub(super) in_flight: Option<BatchInFlight>,
    pub(super) recent: Recent,
    pub(super) retention: Retention,
    is_observed: bool,
    batch_bytes: usize,
    /// Whether a call could not be planned because that panicked.
    has_panicked: bool,
}

/// A batch with those who wait for it.
pub(super) struct NextBatch {
    pub(super) draft: DraftBatch,
    pub(super) replies: Vec<Reply>,
    pub(super) permits: Vec<LanePermit>,
    obstacles: Obstacles,
    bytes: usize,
}

/// A batch that is being written, as the next one finds it.
pub(super) struct BatchInFlight {
    pub(super) tables: Arc<Tables>,
    pub(super) number: u64,
    pub(super) unwritten: Unwritten,
}

/// How many bytes one sender may write in a batch, unless a single send has more.
///
/// A batch that was begun while another one was written takes no further call after as many, so
/// that nobody has more in it than in others.
// With batches of 8 MiB, the default, about eight senders that have much to write share a flush.
const SENDER_BYTES: usize = 1024 * 1024;

impl PlanningDesk {
    pub(in crate::embedded) fn new(
        shared: Arc<Shared>,
        commands: mpsc::Receiver<Command>,
        (batch_bytes, retention): (usize, Retention),
        is_observed: bool,
    ) -> Self {
        Self {
            shared,
            commands,
            queue: FairQueue::new(),
            arrived: Vec::new(),
            taken: VecDeque::new(),
            upkeeps: VecDeque::new(),
            next: None,
            in_flight: None,
            recent: Recent::new(RECENT_MAX),
            retention,
            is_observed,
            batch_bytes,
            has_panicked: false,
        }
    }

    /// Takes in what waits in the channel, as far as there is room, without waiting for more.
    pub(super) fn take_in_all(&mut self) {
        let room = self.commands.max_capacity().saturating_sub(self.waiting());
        let (mut arrived, mut context) = (mem::take(&mut self.arrived), Context::from_waker(Waker::noop()));
        // All at once, because the places in the channel are given back under a lock.
        if room > 0 && self.commands.poll_recv_many(&mut context, &mut arrived, room).is_ready() {
            arrived.drain(..).for_each(|command| self.take_in(command));
        }
        self.arrived = arrived;
    }

    pub(super) fn take_in(&mut self, command: Command) {
        match command {
            Command::Job(call, permit) => self.queue.push(permit.turn(), call.bytes(), (call, permit)),
            Command::Upkeep(upkeep, reply) => self.upkeeps.push_back((upkeep, reply)),
            Command::Wake => {}
            Command::Close => self.commands.close(),
        }
    }

    /// Plans the sends that wait behind the batch that is being written.
    ///
    /// It stops at a call of another kind, which has to see that batch.
    pub(super) fn plan_ahead(&mut self) {
        let Some(flight) = self.in_flight.take() else { return };
        self.take_in_all();
        self.take_turns();
        #[cfg(test)]
        crate::embedded::thread_guard::panic_if_told(&self.shared.damage.directory, "panic-ahead");
        if self.taken.front().is_some_and(|(call, _)| call.is_send()) {
            let mut next = self.next.take().unwrap_or_else(|| self.begin(flight.number + 1, None));
            self.plan(&mut next, (&flight.tables, Some(&flight.unwritten)), Job::is_send, false);
            self.next = Some(next);
        }
        self.in_flight = Some(flight);
        #[cfg(test)]
        self.shared.planned_ahead.send_replace((self.planned(), self.waiting()));
    }

    /// Plans what waits, and returns the batch.
    ///
    /// It has the number `number`, also if it was begun before.
    pub(super) fn plan_batch(
        &mut self,
        tables: &Tables,
        (number, failure): (u64, Option<Error>),
        is_behind: bool,
    ) -> NextBatch {
        let mut next = self.next.take().unwrap_or_else(|| self.begin(number, failure));
        self.plan(&mut next, (tables, None), |_| true, is_behind);
        next
    }

    /// Lets calls have their turn, as many as the next batch may take.
    pub(super) fn take_turns(&mut self) {
        let planned = self.next.as_ref().map_or(0, |next| next.bytes);
        if self.taken.is_empty() && planned < SENDER_BYTES {
            let most = self.batch_bytes.saturating_sub(planned);
            self.taken = self.queue.take(SENDER_BYTES - planned, most).into();
        }
    }

    /// Notes that planning a call has panicked.
    ///
    /// The callers of the batch that was begun hear nothing, and are told to repeat.
    pub(super) fn note_panic(&mut self) {
        // Without a batch in flight the thread that plans ahead takes the desk no more.
        (self.next, self.in_flight, self.has_panicked) = (None, None, true);
        #[cfg(test)]
        self.shared.planned_ahead.send_replace((0, 0));
    }

    /// Returns whether planning has panicked, which is done by that.
    pub(super) fn take_panic(&mut self) -> bool {
        mem::take(&mut self.has_panicked)
    }

    /// Gives up what was planned on a batch that was not written.
    pub(super) fn give_up(&mut self, error: &Error) -> Option<Answered> {
        self.next.take().map(|next| next.answered(Err(error.clone())))
    }

    /// Refuses what has had its turn.
    pub(super) fn refuse(&mut self, error: &Error) {
        self.taken.drain(..).for_each(|(call, _)| call.refuse(error.clone()));
    }

    /// Forgets what is known of the tables, and what is planned.
    pub(super) fn begin_anew(&mut self) {
        (self.next, self.in_flight) = (None, None);
        self.recent = Recent::new(RECENT_MAX);
    }

    /// Returns whether a batch was begun, on top of the last one.
    pub(super) fn has_begun(&self) -> bool {
        self.next.is_some()
    }

    /// Returns whether nothing waits but what may be in the channel.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting() == 0 && self.upkeeps.is_empty()
    }

    /// Returns whether calls have had their turn, or a batch was begun.
    pub(super) fn has_batch(&self) -> bool {
        self.has_begun() || !self.taken.is_empty()
    }

    /// Returns how many calls wait beside those in the channel.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len() + self.taken.len() + self.planned()
    }

    fn planned(&self) -> usize {
        self.next.as_ref().map_or(0, |next| next.replies.len())
    }

    fn begin(&self, number: u64, failure: Option<Error>) -> NextBatch {
        // This is asked once for a batch: a disk that falls short meanwhile is seen by the next
        // one.
        let refusal = failure.clone().or_else(|| self.shared.refusal());
        let calls = self.taken.len();
        let draft = DraftBatch::new(number, clock::unix_ms()).observed(self.is_observed).expecting(calls);
        NextBatch {
            draft,
            replies: Vec::with_capacity(calls),
            permits: Vec::with_capacity(calls),
            obstacles: Obstacles { failure, refusal },
            bytes: 0,
        }
    }

    /// Plans the next calls as long as they may be planned and the batch takes them.
    fn plan(
        &mut self,
        next: &mut NextBatch,
        (tables, unwritten): (&Tables, Option<&Unwritten>),
        may_plan: impl Fn(&Job) -> bool,
        is_behind: bool,
    ) {
        let before = BeforeBatch::new(tables, &self.recent).keeping(&self.retention).behind(unwritten);
        let mut plan = Plan::new(before, &mut next.draft);
        while !plan.is_full(is_behind)
            && self.taken.front().is_some_and(|(call, _)| may_plan(call))
            && let Some((call, permit)) = self.taken.pop_front()
        {
            next.bytes += call.bytes();
            next.replies.push(call.plan(&mut plan, &next.obstacles, &self.shared));
            next.permits.push(permit);
        }
    }
}

impl NextBatch {
    fn answered(self, committed: Result<()>) -> Answered {
        Answered { replies: self.replies, committed, permits: self.permits }
    }
}
