//! The clock of the server, read without the time that the reading took.

use std::time::Duration;

use mongodb::bson::Document;
use tokio::time::Instant;

/// What the clock of the primary said, and when.
///
/// It reckons on with the monotonic clock of this process, so that a step of the local clock does
/// no harm. A clock that runs a little faster than the other is out by a millisecond after a
/// minute or so, and another primary may have another clock: read it again from time to time.
///
/// ```no_run
/// # async fn example(link: mongo_link::Link) -> Result<(), mongo_link::Error> {
/// let time = link.server_time().await?;
/// println!("{:?} since 1970, give or take {:?}", time.now(), time.uncertainty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ServerTime {
    /// What it said, since the Unix epoch.
    unix: Duration,
    /// The middle of the time that the question was under way.
    read_at: Instant,
    uncertainty: Duration,
}

impl ServerTime {
    /// Reads the answer to a `hello` of one's own; `None` if it says no time.
    ///
    /// For who needs more of that answer, or of its two times, than
    /// [`Link::server_time`](crate::Link::server_time) returns.
    #[must_use]
    pub fn of_hello(answer: &Document, asked: Instant, answered: Instant) -> Option<Self> {
        let millis = answer.get_datetime("localTime").ok()?.timestamp_millis();
        let half = answered.saturating_duration_since(asked) / 2;
        Some(Self {
            unix: Duration::from_millis(u64::try_from(millis).ok()?),
            read_at: asked + half,
            uncertainty: half + ROUNDING,
        })
    }

    /// Returns the one that is known better.
    pub(crate) fn better(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.uncertainty < self.uncertainty => other,
            _ => self,
        }
    }

    /// Returns the time of the server now, since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.at(Instant::now())
    }

    /// Returns the time of the server at an instant, before or after the reading.
    ///
    /// It is since the Unix epoch.
    #[must_use]
    pub fn at(&self, instant: Instant) -> Duration {
        let before = self.read_at.saturating_duration_since(instant);
        let since = instant.saturating_duration_since(self.read_at);
        self.unix.saturating_add(since).saturating_sub(before)
    }

    /// Returns when it is a time at the server, before or after the reading.
    ///
    /// The time is since the Unix epoch. One that the monotonic clock cannot say, as it is too long
    /// past or too far ahead, is when it was read.
    #[must_use]
    pub fn instant_of(&self, time: Duration) -> Instant {
        let (before, after) = (self.unix.saturating_sub(time), time.saturating_sub(self.unix));
        let instant = self.read_at.checked_sub(before).and_then(|instant| instant.checked_add(after));
        instant.unwrap_or(self.read_at)
    }

    /// Returns by how much the time may have been wrong when it was read.
    ///
    /// It is half the round trip, and the millisecond that the server rounds to.
    #[must_use]
    pub fn uncertainty(&self) -> Duration {
        self.uncertainty
    }

    /// Returns when it was read.
    #[must_use]
    pub fn read_at(&self) -> Instant {
        self.read_at
    }
}

/// The server says whole milliseconds.
const ROUNDING: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use mongodb::bson::{DateTime, doc};

    use super::*;

    #[test]
    fn round_trip_is_taken_out_and_time_goes_on_from_there() {
        let asked = Instant::now();
        let answered = asked + Duration::from_millis(10);
        let hello = doc! { "localTime": DateTime::from_millis(1_000_000) };
        let time = ServerTime::of_hello(&hello, asked, answered).unwrap();
        assert_eq!(time.uncertainty(), Duration::from_millis(6));
        let read_at = asked + Duration::from_millis(5);
        assert_eq!(time.read_at(), read_at);
        assert_eq!(time.at(read_at), Duration::from_secs(1000));
        assert_eq!(time.at(read_at + Duration::from_secs(2)), Duration::from_secs(1002));
        assert_eq!(time.at(asked), Duration::from_millis(999_995));
        for instant in [asked, read_at, read_at + Duration::from_secs(2)] {
            assert_eq!(time.instant_of(time.at(instant)), instant);
        }
        assert_eq!(time.instant_of(Duration::MAX), read_at, "nobody can wait for it");
    }

    #[test]
    fn the_reading_with_the_shorter_round_trip_counts() {
        let asked = Instant::now();
        let hello = doc! { "localTime": DateTime::from_millis(1) };
        let of = |millis| ServerTime::of_hello(&hello, asked, asked + Duration::from_millis(millis)).unwrap();
        assert_eq!(of(8).better(Some(of(2))).uncertainty(), of(2).uncertainty());
        assert_eq!(of(2).better(Some(of(8))).uncertainty(), of(2).uncertainty());
        assert_eq!(of(2).better(None).uncertainty(), of(2).uncertainty());
    }

    #[test]
    fn an_answer_without_a_time_is_none() {
        let now = Instant::now();
        assert!(ServerTime::of_hello(&doc! { "ok": 1 }, now, now).is_none());
        let old = doc! { "localTime": DateTime::from_millis(-1) };
        assert!(ServerTime::of_hello(&old, now, now).is_none());
    }
}
