//! The task that finds what nobody told.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

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
/// some, 512 inboxes after the other. The looks do not wait for that.
pub(super) async fn run(shared: &Shared) {
    let (lacking, mut to_tell) = mpsc::channel(1);
    let tell = tell_in_turn(&mut to_tell, |members| shared.teller.reads_missed(members));
    tokio::join!(look(shared, &lacking), shared.stop.run_until_cancelled(tell));
}

/// Looks at the inboxes, and says whose watchers may lack cursors.
async fn look(shared: &Shared, lacking: &mpsc::Sender<Vec<MemberId>>) {
    let hearing = shared.teller.hearing();
    let (mut took, mut is_done) = (Duration::ZERO, true);
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
        // One list waits at most; until it is taken the lack is kept in mind.
        let place = lacking.try_reserve().ok().filter(|_place| hearing.take_lack_of_cursors());
        // The order matters: who begins to watch after this look lacks nothing of what was before.
        let members = shared.watchers.members();
        let looked = shared.stop.run_until_cancelled(pass(shared, &members)).await;
        is_done = match looked {
            None => return,
            Some(Ok(())) => {
                if let Some(place) = place {
                    place.send(members);
                }
                true
            }
            Some(Err(error)) => {
                if place.is_some() {
                    hearing.lack_cursors();
                }
                tracing::debug!("the inboxes that are watched here could not be looked at: {error:#}");
                false
            }
        };
        took = began.elapsed();
    }
}

/// Looks at each inbox of members who are watched.
async fn pass(shared: &Shared, members: &[MemberId]) -> Result<()> {
    for members in members.chunks(INBOXES_MAX) {
        // An inbox has the name of its member.
        let names: Vec<_> = members.iter().map(MemberId::as_str).collect();
        let tops = tops::read(&shared.database, Side::Inbox, &names).await?;
        shared.teller.see(members, &tops, clock::unix_ms());
    }
    shared.teller.end_pass();
    Ok(())
}

/// Tells of members whose watchers may lack cursors, some after the other.
async fn tell_in_turn(lacking: &mut mpsc::Receiver<Vec<MemberId>>, tell: impl Fn(&[MemberId])) {
    while let Some(members) = lacking.recv().await {
        let next = Instant::now() + LACKS_PAUSE;
        for members in members.chunks(INBOXES_MAX) {
            tell(members);
            sleep(LACKS_REST).await;
        }
        sleep_until(next).await;
    }
}

/// Returns the time between two passes of which the last took so long.
fn pause(hears: bool, took: Duration) -> Duration {
    let pause = if hears { PAUSE } else { PAUSE_DEAF };
    pause.mul_f64(0.8 + 0.4 * fastrand::f64()).max(took)
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn those_who_may_lack_cursors_are_told_one_part_after_the_other() {
        let member = |number: usize| MemberId::new(format!("m{number}")).unwrap();
        let members: Vec<_> = (0..=2 * INBOXES_MAX).map(member).collect();
        let (sender, mut lacking) = mpsc::channel(1);
        let gaps = async move {
            sender.send(members.clone()).await.unwrap();
            sender.send(members).await.unwrap();
        };
        let (began, told) = (Instant::now(), Mutex::new(Vec::new()));
        let tell = |members: &[MemberId]| told.lock().push((began.elapsed(), members.len()));
        tokio::join!(gaps, tell_in_turn(&mut lacking, tell));
        let (times, parts): (Vec<_>, Vec<_>) = told.into_inner().into_iter().unzip();
        assert_eq!(parts, [INBOXES_MAX, INBOXES_MAX, 1, INBOXES_MAX, INBOXES_MAX, 1]);
        for pair in times.windows(2) {
            assert!(pair[1] - pair[0] >= LACKS_REST, "{times:?}");
        }
        assert!(times[2] < LACKS_PAUSE && times[3] >= LACKS_PAUSE, "{times:?}");
    }

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
