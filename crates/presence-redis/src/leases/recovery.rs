//! Bringing Redis and this process to agree again.

use std::collections::HashSet;
use std::sync::Arc;

use presence_core::Error;
use presence_core::tracker::OnlineName;
use redis::Value;

use super::answer::Answer;
use super::outbox::StepKind;
use super::space::{Payloads, Space};
use super::writer::ShardWriter;

impl<S: Space> ShardWriter<S> {
    /// Says again all that is held here, after the data or the lease was lost.
    pub(super) async fn recover(&mut self) -> Result<(), Error> {
        if !self.writes.is_idle() {
            // The write that is under way comes first, as its number is lower than those of the
            // announcement.
            self.flush_some().await?;
        }
        self.announce().await?;
        let Some(registration) = self.registration() else { return Ok(()) };
        // A server that lost its last writes may still have names that this process holds no more.
        self.let_go_of_extras().await?;
        let left = match self.scripts().settle(&registration).await? {
            Answer::Told(left) => left,
            Answer::Lost(lost) => {
                self.lose(lost);
                return Ok(());
            }
        };
        self.stage.settle();
        self.shard().set_status(|status| {
            if left.is_zero() {
                status.recovering = None;
            }
        });
        Ok(())
    }

    async fn announce(&mut self) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        for stripe in shared.tracker.ledger().stripes(self.number) {
            // This process may have stood still, and the deadlines of its ids may be over by now.
            shared.tracker.expire(stripe);
            let mut next = Some(0);
            while let (Some(from), Some(registration)) = (next, self.registration()) {
                let mut page = Vec::new();
                // A name that left and came back meanwhile is on the page, so its two steps are
                // folded into none.
                let (after, names) = shared.tracker.list_with(stripe, from, PAGE, &mut page, |page| {
                    let ledger = shared.tracker.ledger();
                    ledger.outbox(self.number).fold();
                    let name = |kept: OnlineName<S::Name>| {
                        let shown = ledger.payloads.shown(&kept.name);
                        (kept.name, kept.held, shown)
                    };
                    page.drain(..).map(name).collect::<Vec<_>>()
                });
                next = after;
                if !names.is_empty() {
                    // The order matters: the page is written before any step that was made after
                    // it, so a name that leaves meanwhile leaves after it was announced.
                    let call = self.writes.next_number();
                    match self.scripts().announce(&registration, call, &names).await? {
                        Answer::Told(written) => self.shard().hear(written.last),
                        Answer::Lost(lost) => {
                            self.lose(lost);
                            return Ok(());
                        }
                    }
                }
                self.flush_some().await?;
                if self.is_due() {
                    self.renew().await?;
                }
            }
        }
        Ok(())
    }

    /// Finds out how the counts came to differ, while the epoch is the same: then Redis is right
    /// about who was told to leave.
    pub(super) async fn compare(&mut self) -> Result<(), Error> {
        let theirs = self.let_go_of_extras().await?;
        let ledger = self.shared.tracker.ledger();
        for stripe in ledger.stripes(self.number) {
            let mut next = Some(0);
            while let Some(from) = next {
                let mut page = Vec::new();
                next = self.shared.tracker.list(stripe, from, PAGE, &mut page);
                for kept in page {
                    if !theirs.contains(&*S::text(&kept.name)) {
                        ledger.push(self.number, kept.name, StepKind::Check);
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads what Redis thinks is here, and tells it who is not.
    async fn let_go_of_extras(&mut self) -> Result<HashSet<Box<str>>, Error> {
        let mut theirs = HashSet::new();
        let Some(registration) = self.registration() else { return Ok(theirs) };
        let shared = Arc::clone(&self.shared);
        let set = shared.keys.shards[self.number].set(&registration.process);
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SSCAN");
            scan.arg(&set).arg(cursor).arg("COUNT").arg(PAGE);
            let answer = shared.link.query(&set, &scan).await?;
            let (next, names): (u64, Vec<Value>) = shared.link.read(&set, answer)?;
            for name in names {
                let name: String = shared.link.read(&set, name)?;
                if let Some(held) = S::read(&name) {
                    shared.tracker.forget_if(&held, |online| {
                        if !online {
                            let seen = shared.tracker.clock().now();
                            let what = StepKind::Depart { ended: false, seen };
                            shared.tracker.ledger().push(self.number, held.clone(), what);
                        }
                        false
                    });
                }
                theirs.insert(name.into_boxed_str());
            }
            if self.is_due() {
                self.renew_only().await?;
            }
            cursor = next;
            if cursor == 0 {
                return Ok(theirs);
            }
        }
    }
}

/// How many names are read or said at once.
const PAGE: usize = 500;
