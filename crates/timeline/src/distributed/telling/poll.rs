//! The task that finds what nobody told.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::distributed::documents::Side;
use crate::distributed::shared::Shared;
use crate::distributed::{clock, tops};
use crate::{MemberId, Result};

/// How often the inboxes are looked at that are watched here, while the others are heard.
const PAUSE: Duration = Duration::from_secs(30);

/// How often while they are not.
const PAUSE_DEAF: Duration = Duration::from_secs(1);

/// How long it takes at most until a doubt is looked at: not all nodes do so at once.
const DOUBT_MAX: Duration = Duration::from_millis(250);

/// How many inboxes one query asks for.
const INBOXES_MAX: usize = 512;

/// How long it takes at least until watchers are told once more that they may lack cursors.
const LACKS_PAUSE: Duration = Duration::from_secs(5);

/// How long watchers of so many inboxes have for themselves, each of which reads and asks then.
const LACKS_REST: Duration = Duration::from_millis(100);

/// Looks at the inboxes that are watched here, until the end of the store.
///
/// One query is under way at a time, and a pass is followed by a pause that is at least as long. A
/// watcher is only woken if its inbox has changed since it last was, so however many there are, a
/// gap costs a query for each 512 of them, and a read for each that missed something.
///
/// Cursors are in no inbox, and are said once. So after a gap each watcher is told that it may lack
/// some, 512 inboxes after the other.
pub(super) async fn run(shared: &Shared) {
    let hearing = shared.teller.hearing();
    let (mut took, mut is_done, mut told_at) = (Duration::ZERO, true, None::<Instant>);
    loop {
        let hears = hearing.is_up() && is_done && !hearing.lacks_cursors();
        tokio::select! {
            () = sleep(pause(hears, took)) => {}
            () = hearing.doubted() => {
                tokio::select! {
                    () = sleep(took.max(DOUBT_MAX.mul_f64(fastrand::f64()))) => {}
                    () = shared.stop.cancelled() => return,
                }
            }
            () = shared.stop.cancelled() => return,
        }
        let began = Instant::now();
        let may_tell = told_at.is_none_or(|at| began.duration_since(at) >= LACKS_PAUSE);
        // The order matters: who begins to watch after this look lacks nothing of what was before.
        let lacks_cursors = may_tell && hearing.take_lack_of_cursors();
        if lacks_cursors {
            told_at = Some(began);
        }
        is_done = match shared.stop.run_until_cancelled(pass(shared, lacks_cursors)).await {
            None => return,
            Some(Ok(())) => true,
            Some(Err(error)) => {
                if lacks_cursors {
                    hearing.lack_cursors();
                }
                tracing::debug!("the inboxes that are watched here could not be looked at: {error:#}");
                false
            }
        };
        took = began.elapsed();
    }
}

/// Looks at each inbox that is watched; its watchers are told if they may lack cursors.
async fn pass(shared: &Shared, lacks_cursors: bool) -> Result<()> {
    let members = shared.watchers.members();
    for (at, members) in members.chunks(INBOXES_MAX).enumerate() {
        if lacks_cursors && at > 0 {
            sleep(LACKS_REST).await;
        }
        // An inbox has the name of its member.
        let names: Vec<_> = members.iter().map(MemberId::as_str).collect();
        let tops = tops::read(&shared.database, Side::Inbox, &names).await?;
        shared.teller.see(members, &tops, clock::unix_ms());
        if lacks_cursors {
            shared.teller.reads_missed(members);
        }
    }
    shared.teller.end_pass();
    Ok(())
}

/// Returns the time between two passes of which the last took so long.
fn pause(hears: bool, took: Duration) -> Duration {
    let pause = if hears { PAUSE } else { PAUSE_DEAF };
    pause.mul_f64(0.8 + 0.4 * fastrand::f64()).max(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_do_not_look_at_the_same_time_and_rest_as_long_as_they_work() {
        for _ in 0..1_000 {
            let (well, deaf) = (pause(true, Duration::ZERO), pause(false, Duration::ZERO));
            assert!(PAUSE * 4 / 5 <= well && well <= PAUSE * 6 / 5, "{well:?}");
            assert!(PAUSE_DEAF * 4 / 5 <= deaf && deaf <= PAUSE_DEAF * 6 / 5, "{deaf:?}");
        }
        let busy = PAUSE * 3;
        assert_eq!((pause(true, busy), pause(false, busy)), (busy, busy));
    }
}
