//! The counters of the Go service, from which its boxes go on.
//!
//! They are strings with the last sequence that was given out: `<member>` of an inbox and the id of
//! a history. They may be on any server of a cluster, also on one that is silent while those of our
//! counters answer.

use futures_util::future::join_all;
use redis_link::{Error as LinkError, Link};

use crate::distributed::box_id::BoxId;
use crate::{Result, Seq};

/// How many are read at once.
const COUNTERS_MAX: usize = 512;

/// Returns the last sequences that the Go service gave out, 0 where it has no counter.
///
/// So it is where Redis does not say: the box goes on from its last entry then, and nobody has read
/// what came behind it.
pub(super) async fn read(link: &Link, boxes: &[&BoxId]) -> Vec<Seq> {
    let mut counters = Vec::with_capacity(boxes.len());
    for boxes in boxes.chunks(COUNTERS_MAX) {
        let reading: Vec<_> = boxes.iter().map(|boxed| read_one(link, boxed.as_str())).collect();
        for counter in join_all(reading).await {
            counters.push(counter.unwrap_or_else(|error| {
                tracing::debug!("a counter of the go service is left out: {error:#}");
                Seq::ZERO
            }));
        }
    }
    counters
}

async fn read_one(link: &Link, key: &str) -> Result<Seq, LinkError> {
    let mut command = redis::cmd("GET");
    command.arg(key);
    match link.query(key, &command).await {
        Ok(answer) => Ok(sequence(redis::from_redis_value(answer).unwrap_or_default())),
        // A key of another program that has the name of a member.
        Err(error) if error.code() == Some("WRONGTYPE") => Ok(Seq::ZERO),
        Err(error) => Err(error),
    }
}

/// Reads a counter; what is no sequence is somebody else's.
fn sequence(counter: Option<String>) -> Seq {
    counter.and_then(|counter| Seq::new(counter.parse().ok()?).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_sequence_is_no_counter() {
        let read = |text: &str| sequence(Some(text.to_owned())).get();
        assert_eq!(
            (read("17"), read("-1"), read("1.5"), read(""), read("18446744073709551615")),
            (17, 0, 0, 0, 0)
        );
        assert_eq!(sequence(None), Seq::ZERO);
    }
}
