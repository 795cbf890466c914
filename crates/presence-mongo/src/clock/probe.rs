//! One look at the server: its clock, and whether it commits what is written.

use bson::{Document, Timestamp, doc};
use mongo_link::{Link, ServerTime};
use tokio::time::Instant;

use crate::error::{Error, ErrorKind};

/// What the server answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe {
    pub(super) sent: Instant,
    pub(super) answered: Instant,
    pub(super) time: ServerTime,
    /// Whether what had been written when it was asked before is committed by now: a primary that
    /// has lost its majority answers and commits nothing.
    pub(super) commits: bool,
    /// Whether it is a router of a sharded cluster: each of them has a clock of its own.
    pub(super) is_router: bool,
}

/// The last operation that a primary knew of when it was asked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen(Option<Timestamp>);

impl Probe {
    /// Asks the primary.
    pub(super) async fn ask(link: &Link, seen: &mut Seen) -> Result<Self, Error> {
        let asked = link
            .call(|database| async move {
                // Within the work: waiting for a place is no part of the round trip.
                let sent = Instant::now();
                let answer = database.run_command(doc! { "hello": 1 }).await?;
                Ok::<_, mongodb::error::Error>((sent, Instant::now(), answer))
            })
            .await;
        let (sent, answered, answer) = asked.map_err(|error| Error::of_link(CLOCK, error))?;
        let time = ServerTime::of_hello(&answer, sent, answered);
        let time = time.ok_or_else(|| Error::new(ErrorKind::Protocol, CLOCK))?;
        let is_router = answer.get_str("msg").is_ok_and(|message| message == "isdbgrid");
        Ok(Self { sent, answered, time, commits: seen.commits(&answer), is_router })
    }
}

impl Seen {
    /// Says whether the last operation that was known before is committed by now, and takes note of
    /// the last one now. A router of a sharded cluster tells of none.
    fn commits(&mut self, answer: &Document) -> bool {
        let last = answer.get_document("lastWrite").ok();
        let time_of = |name: &str| last?.get_document(name).ok()?.get_timestamp("ts").ok();
        let before = self.0;
        self.0 = time_of("opTime");
        match (before, time_of("majorityOpTime")) {
            (Some(before), Some(committed)) => committed >= before,
            _ => true,
        }
    }
}

const CLOCK: &str = "the clock of the database cannot be read";

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(last: u32, committed: u32) -> Document {
        let time = |increment| doc! { "ts": Timestamp { time: 1, increment }, "t": 1_i64 };
        doc! { "lastWrite": { "opTime": time(last), "majorityOpTime": time(committed) } }
    }

    #[test]
    fn a_primary_that_commits_nothing_is_told_from_one_that_is_a_moment_behind() {
        let mut seen = Seen::default();
        assert!(seen.commits(&hello(5, 3)), "nothing is known of before");
        assert!(seen.commits(&hello(8, 5)));
        assert!(!seen.commits(&hello(9, 7)), "8 was there a while ago");
        assert!(seen.commits(&doc! {}), "a router");
    }
}
