//! The counters in Redis, and the script that moves them.
//!
//! ```text
//! <prefix>{<tag>}:s:<member>        inbox      hash: s the last sequence that was given out, t the last time in ms;
//! <prefix>{<tag>}:h:<history id>    history    written by the script alone, kept for ever
//! <prefix>{<tag>}:probe             the same of no box, by which Redis is tried
//! ```
//!
//! The tag, 0 to 63, is made from the id of the box; the counters of one tag are on one master of a
//! cluster.

use std::sync::LazyLock;

use redis::{Cmd, Script};
use redis_link::Link;
use xxhash_rust::xxh3::xxh3_64;

use crate::distributed::box_id::{BoxId, Side};
use crate::{Error, ErrorKind, Result, Seq};

/// How many tags there are; each is a bit of a `u64`.
pub(super) const TAGS: u32 = 64;

/// How many counters one call of the script moves, so that it does not keep Redis too long.
pub(super) const COUNTERS_MAX: usize = 10_000;

const SOURCE: &str = include_str!("reserve.lua");

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(SOURCE));

/// What a counter is to be moved by.
#[derive(Debug)]
pub(super) struct Move {
    pub(super) key: String,
    pub(super) count: u64,
    pub(super) least: Option<Least>,
}

/// What a counter has to be at least before it is moved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Least {
    pub(super) seq: Seq,
    pub(super) at_ms: u64,
}

/// What the script answers for one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) first: Seq,
    pub(super) at_ms: u64,
}

/// Returns the tag of a box.
pub(super) fn tag(boxed: &BoxId) -> u32 {
    u32::try_from(xxh3_64(boxed.as_str().as_bytes()) % u64::from(TAGS)).unwrap_or(0)
}

/// Returns the key of the counter of a box.
pub(super) fn key(prefix: &str, boxed: &BoxId) -> String {
    let side = match boxed.side() {
        Side::Inbox => 's',
        Side::History => 'h',
    };
    format!("{prefix}{{{}}}:{side}:{}", tag(boxed), boxed.as_str())
}

/// Returns a key with the same tag as the counters of some boxes.
pub(super) fn probe_key(prefix: &str, tag: u32) -> String {
    format!("{prefix}{{{tag}}}:probe")
}

/// Moves counters, which have one tag unless there is only one server.
///
/// Returns none for a counter that is not there and that nobody says what to begin with.
///
/// # Errors
///
/// [`Unavailable`](ErrorKind::Unavailable) if Redis is away, silent, or refuses. Whether the
/// counters were moved is open then.
pub(super) async fn run(link: &Link, moves: &[Move], now_ms: u64) -> Result<Vec<Option<Moved>>> {
    let key = moves.first().map_or("", |first| &*first.key);
    let short = command("EVALSHA", SCRIPT.get_hash(), moves, now_ms);
    let answer = match link.query(key, &short).await {
        // A server that was started again, or took the place of another, does not know the script.
        Err(error) if error.code() == Some("NOSCRIPT") => {
            link.query(key, &command("EVAL", SOURCE, moves, now_ms)).await
        }
        answer => answer,
    };
    let numbers: Vec<i64> =
        redis::from_redis_value(answer.map_err(of_link)?).map_err(|error| unreadable(link, key, error))?;
    let (pairs, rest) = numbers.as_chunks::<2>();
    if pairs.len() != moves.len() || !rest.is_empty() {
        let error = Error::invalid(format!("{} numbers came for {} counters", numbers.len(), moves.len()));
        return Err(unreadable(link, key, error));
    }
    let moved = pairs.iter().map(|[first, at_ms]| match (*first, u64::try_from(*at_ms)) {
        (0, _) => Ok(None),
        (first, Ok(at_ms)) => Ok(Some(Moved { first: Seq::try_from(first)?, at_ms })),
        (_, Err(error)) => Err(unreadable(link, key, error)),
    });
    moved.collect()
}

fn command(verb: &str, script: &str, moves: &[Move], now_ms: u64) -> Cmd {
    let mut command = redis::cmd(verb);
    command.arg(script).arg(moves.len());
    for Move { key, .. } in moves {
        command.arg(key);
    }
    command.arg(now_ms);
    for Move { count, least, .. } in moves {
        command.arg(*count);
        match least {
            Some(Least { seq, at_ms }) => command.arg(seq.get()).arg(*at_ms),
            None => command.arg("").arg(0),
        };
    }
    command
}

/// Returns what a failed call to Redis is to those who go on without it.
pub(super) fn of_link(error: redis_link::Error) -> Error {
    let kind = match error.kind() {
        redis_link::ErrorKind::Config => ErrorKind::Config,
        redis_link::ErrorKind::Closed => ErrorKind::Closed,
        _ => ErrorKind::Unavailable,
    };
    let message = error.to_string();
    Error::with_source(kind, message, error)
}

fn unreadable(link: &Link, key: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let text = format!("redis at {} gave an answer that is not the script's", link.server(key));
    Error::with_source(ErrorKind::Unavailable, text, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemberId;

    #[test]
    fn counters_of_an_inbox_and_of_a_history_with_one_id_differ() {
        let inbox = BoxId::inbox(&MemberId::new("seq:a:b").unwrap());
        let history = BoxId::stored(Side::History, "seq:a:b");
        let tag = tag(&inbox);
        assert!(tag < TAGS);
        assert_eq!(key("x:", &inbox), format!("x:{{{tag}}}:s:seq:a:b"));
        assert_eq!(key("x:", &history), format!("x:{{{tag}}}:h:seq:a:b"));
        assert_eq!(probe_key("x:", tag), format!("x:{{{tag}}}:probe"));
    }

    #[test]
    fn boxes_spread_over_all_tags() {
        let tags = (0..2_000).map(|number| tag(&BoxId::stored(Side::Inbox, &format!("member {number}"))));
        assert_eq!(tags.fold(0, |tags, tag| tags | 1_u64 << tag), u64::MAX);
    }
}
