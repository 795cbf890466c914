//! Until when the call that is under way has to be answered.
//!
//! A call of the store takes [`Config::timeout`](super::Config::timeout) at most, whatever it
//! consists of. The time begins with the call, and all of its parts have the same end:
//!
//! ```text
//!  0 %                                                          90 %     95 %     100 %
//!  ├── steps: commands, waits for a place, a turn or a writer ────┤        │         │
//!  ├── a batch, with the steps of all of its sends ────────────────────────┤         │
//!  ├── the answer to the caller; what is under way goes on ──────────────────────────┤
//! ```
//!
//! What is inside ends before what is around it, so its reason is what the caller hears.
//!
//! The end belongs to the task, as every command has to know it. What has no caller has no end: the
//! keeper, the finisher, and what goes on when its caller was answered.

use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    static END: Option<Instant>;
}

/// Returns how much of the time of a call its steps have.
pub(super) fn of_steps(timeout: Duration) -> Duration {
    timeout.mul_f64(0.9)
}

/// Returns how much of the time of a call a batch has.
fn of_batch(timeout: Duration) -> Duration {
    timeout.mul_f64(0.95)
}

/// Returns when a batch ends whose steps end at `end`.
pub(super) fn around(end: Instant, timeout: Duration) -> Instant {
    end + of_batch(timeout).saturating_sub(of_steps(timeout))
}

/// Does work whose steps end then.
pub(super) fn until<T>(end: Instant, work: impl Future<Output = T>) -> impl Future<Output = T> {
    // In a box, as is the next: what waits for it would be as large otherwise.
    END.scope(Some(end), Box::pin(work))
}

/// Does work that goes on whoever waits for it.
pub(super) fn without<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    END.scope(None, Box::pin(work))
}

/// Returns when the steps of the call under way end, `limit` from now at the latest.
pub(super) fn end(limit: Duration) -> Instant {
    let latest = Instant::now() + limit;
    END.try_with(|end| *end).ok().flatten().map_or(latest, |end| end.min(latest))
}

/// Returns how much time the call under way has left, `limit` at most.
pub(super) fn left(limit: Duration) -> Duration {
    end(limit).saturating_duration_since(Instant::now())
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn all_steps_of_a_call_have_one_end() {
        let end = Instant::now() + of_steps(LIMIT);
        until(end, async {
            assert_eq!(left(LIMIT), Duration::from_secs(9));
            advance(Duration::from_secs(7)).await;
            assert_eq!(
                (left(LIMIT), left(Duration::from_secs(1))),
                (Duration::from_secs(2), Duration::from_secs(1))
            );
            without(async { assert_eq!(left(LIMIT), LIMIT) }).await;
            advance(LIMIT).await;
            assert_eq!(left(LIMIT), Duration::ZERO);
        })
        .await;
        assert_eq!(left(LIMIT), LIMIT, "there is no call");
    }

    #[test]
    fn what_is_inside_ends_before_what_is_around_it() {
        for limit in [Duration::from_millis(100), LIMIT] {
            assert!(of_steps(limit) < of_batch(limit) && of_batch(limit) < limit);
        }
    }
}
