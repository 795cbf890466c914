//! How calls wait and are answered.

use std::ops::{RangeFrom, RangeInclusive};
use std::time::Duration;

use bytes::Bytes;

use crate::protocol::{Message, Opcode};
use crate::{Answer, Error, ErrorKind};

/// How many calls wait, how many are answered at once, and for how long.
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) calls_max: usize,
    pub(super) bytes_max: usize,
    pub(super) running_max: usize,
    pub(super) answer_time: Duration,
    late_answer: Bytes,
    busy_answer: Bytes,
}

impl Config {
    const CALLS_MAX_BOUNDS: RangeInclusive<usize> = 1..=1_048_576;
    const BYTES_MAX_BOUNDS: RangeFrom<usize> = 64 * 1024..;
    const RUNNING_MAX_BOUNDS: RangeInclusive<usize> = 1..=65_536;
    const ANSWER_TIME_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(60 * 60);

    /// Sets how many calls may wait or be worked on.
    ///
    /// 1 to 1,048,576, or 1,024 by default. A hub lets each connection have 16 calls that wait, so
    /// a thousand clients fill 16,000. Set it to what can be worked on within
    /// [`answer_time`](Self::answer_time): more only makes answers late.
    #[must_use]
    pub fn calls_max(self, calls_max: usize) -> Self {
        Self { calls_max, ..self }
    }

    /// Sets how many bytes these calls may have, with what is around each.
    ///
    /// 16 MiB by default, at least 64 KiB. A larger call is taken when no other is there. Set it to
    /// what the program can spare, and to many of the longest messages that clients may send.
    #[must_use]
    pub fn bytes_max(self, bytes_max: usize) -> Self {
        Self { bytes_max, ..self }
    }

    /// Sets how many calls are worked on at once.
    ///
    /// 1 to 65,536, or 256 by default: enough for a store to commit many together. Set it to what
    /// the store, or the server behind, works on at a time; the calls beyond wait in the queue.
    #[must_use]
    pub fn running_max(self, running_max: usize) -> Self {
        Self { running_max, ..self }
    }

    /// Sets how long an answer may take; then the client is told, and may call again.
    ///
    /// 1 ms to 1 h, or 10 s by default, from when the call is begun: the time that it waits in the
    /// queue does not count. What the answer waited for is dropped then, so whether the call took
    /// effect is open. Set it above what the store takes on a bad day, and below what clients wait.
    #[must_use]
    pub fn answer_time(self, answer_time: Duration) -> Self {
        Self { answer_time, ..self }
    }

    /// Sets the body that a client gets whose call was not answered in time.
    ///
    /// `{"error":"there was no answer in time; call again"}` by default. Set it where the calls of
    /// a program have another shape.
    #[must_use]
    pub fn late_answer(self, late_answer: impl Into<Bytes>) -> Self {
        Self { late_answer: late_answer.into(), ..self }
    }

    /// Sets the body that a client gets for whose call there is no room.
    ///
    /// `{"error":"too many calls wait; call again"}` by default. Set it where the calls of a
    /// program have another shape.
    #[must_use]
    pub fn busy_answer(self, busy_answer: impl Into<Bytes>) -> Self {
        Self { busy_answer: busy_answer.into(), ..self }
    }

    /// Returns the answer to a call that was not answered in time.
    pub(super) fn late_answer_to(&self, uuid: String) -> Answer {
        Message::with_uuid(Opcode::SERVER, uuid, "", self.late_answer.clone()).into()
    }

    /// Returns the answer to a call for which there is no room.
    pub(super) fn busy_answer_to(&self, uuid: String) -> Answer {
        Message::with_uuid(Opcode::SERVER, uuid, "", self.busy_answer.clone()).into()
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        let numbers = [
            ("calls_max", self.calls_max, Self::CALLS_MAX_BOUNDS),
            ("running_max", self.running_max, Self::RUNNING_MAX_BOUNDS),
        ];
        for (key, value, bounds) in numbers {
            if !bounds.contains(&value) {
                let (least, most) = bounds.into_inner();
                return Err(wrong(format!("{key} is {value}; it must be from {least} to {most}")));
            }
        }
        let (bytes, least) = (self.bytes_max, Self::BYTES_MAX_BOUNDS.start);
        if bytes < least {
            return Err(wrong(format!("bytes_max is {bytes}; it must be at least {least}")));
        }
        if !Self::ANSWER_TIME_BOUNDS.contains(&self.answer_time) {
            let (least, most) = Self::ANSWER_TIME_BOUNDS.into_inner();
            let time = self.answer_time;
            return Err(wrong(format!("answer_time is {time:?}; it must be from {least:?} to {most:?}")));
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            calls_max: 1_024,
            bytes_max: 16 * 1024 * 1024,
            running_max: 256,
            answer_time: Duration::from_secs(10),
            late_answer: Bytes::from_static(br#"{"error":"there was no answer in time; call again"}"#),
            busy_answer: Bytes::from_static(br#"{"error":"too many calls wait; call again"}"#),
        }
    }
}

fn wrong(text: String) -> Error {
    Error::new(ErrorKind::Config, text)
}
