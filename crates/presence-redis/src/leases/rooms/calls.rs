//! What is done to single seats.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use presence_core::rooms::{MemberKey, Payload};
use presence_core::tracker::{Beat, Transition};
use presence_core::{Device, Error, ErrorKind};
use tokio::time::{Instant, sleep};

use super::space::RoomSpace;
use crate::leases::outbox::{Reply, StepAnswer, StepKind};
use crate::leases::outboxes::Outboxes;
use crate::leases::shared::Shared;
use crate::leases::space::Payloads;

impl Shared<RoomSpace> {
    /// Lets somebody join by what `come` does, which writes an arrival down as it is told to.
    pub(super) async fn join_by<C>(&self, seat: &MemberKey, payload: &Payload, come: C) -> Result<(), Error>
    where
        C: Fn(&dyn Fn(&Outboxes<RoomSpace>, Transition<'_, MemberKey>) -> bool) -> Beat,
    {
        let record = |ledger: &Outboxes<RoomSpace>, transition: Transition<'_, MemberKey>| {
            ledger.record_with(&transition, payload.clone())
        };
        for _ in 0..ATTEMPTS {
            let arrived = self.beat(seat, || come(&record)).await?;
            // Another process may have removed the member, which was not known here. Then it joins
            // anew.
            if arrived || self.show(seat, payload).await? {
                return Ok(());
            }
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "the member was removed elsewhere each time it joined; try again",
        ))
    }

    /// Gives a device of somebody who sits here a heartbeat, and says whether there is somebody.
    pub(super) async fn beat_seated(&self, seat: &MemberKey, device: &Device) -> Result<bool, Error> {
        let shard = self.tracker.ledger().shard(seat);
        let wait = self.shards[shard].wait();
        let Some(beat) = self.tracker.beat_device_of_online(seat, device) else { return Ok(false) };
        if beat.settled {
            self.fresh(shard, Instant::now() + self.patience()).await?;
        } else {
            self.wait_for(seat, wait).await?;
        }
        Ok(true)
    }

    /// Shows something for a seat, wherever it is taken, and says whether it is.
    ///
    /// While the shard recovers nobody knows whether somebody else has it: then it is said again
    /// once that is known.
    pub(super) async fn show(&self, seat: &MemberKey, payload: &Payload) -> Result<bool, Error> {
        let (until, shard) = (Instant::now() + self.patience(), self.tracker.ledger().shard(seat));
        loop {
            match self.show_once(seat, payload, until).await? {
                Shown::Yes => return Ok(true),
                Shown::Nobody => return Ok(false),
                Shown::Unknown => {}
            }
            if !self.recovered(shard, until).await || Instant::now() + RECHECK >= until {
                return Err(self.shards[shard].recovering());
            }
            // What is known here may be behind what Redis knows.
            sleep(RECHECK).await;
        }
    }

    /// The same once.
    async fn show_once(&self, seat: &MemberKey, payload: &Payload, until: Instant) -> Result<Shown, Error> {
        let ledger = self.tracker.ledger();
        let shard = ledger.shard(seat);
        let (wait, answers) = (self.shards[shard].wait(), Arc::new(Mutex::new(Vec::new())));
        let (mut ticket, mut here) = (0, false);
        // Nobody is forgotten here. The call is made for its lock, under which the payload is shown
        // after the arrival of the member and before its departure.
        self.tracker.forget_if(seat, |online| {
            if online {
                ledger.payloads.show(seat, payload);
            }
            here = online;
            let reply = Some(Reply { index: 0, answers: Arc::clone(&answers) });
            ticket = ledger.push(shard, seat.clone(), StepKind::Show { shown: payload.clone(), reply });
            false
        });
        wait.until(ticket, until).await?;
        if let Some(full) = ledger.outbox(shard).why_kept(seat) {
            return Err(full);
        }
        let answer = answers.lock().pop();
        match answer {
            Some((_, StepAnswer::Nobody)) => Ok(Shown::Nobody),
            // The shard is recovering. A member of this process is about to be announced, with the
            // payload that was shown last.
            Some((_, StepAnswer::Recovering)) if !here => Ok(Shown::Unknown),
            _ => Ok(Shown::Yes),
        }
    }
}

/// What came of showing something.
enum Shown {
    /// It is shown.
    Yes,
    /// The seat is taken by nobody.
    Nobody,
    /// Nobody can know whether the seat is taken.
    Unknown,
}

/// How often somebody is let in who is thrown out at the same time.
const ATTEMPTS: usize = 8;
/// How long a call waits before it asks a shard again that may have recovered.
const RECHECK: Duration = Duration::from_millis(20);
