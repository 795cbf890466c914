//! The map of a cluster: which master has which slots.
//!
//! This module is pure.

use redis::Value;

use crate::error::{Error, ErrorKind};
use crate::registry::SLOTS;
use crate::server::Server;

/// What a node knows of the cluster.
#[derive(Debug)]
pub(super) struct SlotMap {
    /// Grows with each failover and each slot that moves; `None` if the user may not ask for it.
    pub(super) epoch: Option<u64>,
    pub(super) ranges: Vec<SlotRange>,
}

/// Some slots and their master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SlotRange {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) host: String,
    pub(super) port: u16,
}

/// Reads the epoch in the answer of a server to `CLUSTER INFO`.
///
/// Source: <https://redis.io/docs/latest/commands/cluster-info/>
pub(super) fn epoch(answer: &[u8], server: &Server) -> Result<u64, Error> {
    let text = String::from_utf8_lossy(answer);
    let epoch =
        text.lines().find_map(|line| line.strip_prefix("cluster_current_epoch:")?.trim().parse().ok());
    epoch.ok_or_else(|| {
        Error::new(ErrorKind::Protocol, format!("{server} answered CLUSTER INFO without an epoch"))
    })
}

/// Reads the answer of a server to `CLUSTER SLOTS`. `asked` is its host: a node may not know how
/// itself is reached.
///
/// ```text
/// [[first slot, last slot, [host of the master, port, id, …], [a replica], …], …]
/// ```
///
/// Source: <https://redis.io/docs/latest/commands/cluster-slots/>
pub(super) fn read(answer: &[u8], asked: &str, server: &Server) -> Result<Vec<SlotRange>, Error> {
    let strange =
        || Error::new(ErrorKind::Protocol, format!("{server} answered CLUSTER SLOTS in an unknown form"));
    let value = redis::parse_redis_value(answer).map_err(|error| {
        let message = format!("the answer of {server} to CLUSTER SLOTS cannot be read");
        Error::with_source(ErrorKind::Protocol, message, error)
    })?;
    let Value::Array(ranges) = value else { return Err(strange()) };
    ranges.iter().map(|range| of(range, asked).ok_or_else(strange)).collect()
}

fn of(range: &Value, asked: &str) -> Option<SlotRange> {
    let Value::Array(parts) = range else { return None };
    let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = parts.as_slice() else {
        return None;
    };
    let [host, Value::Int(port), ..] = master.as_slice() else { return None };
    let host = match host {
        Value::BulkString(host) => std::str::from_utf8(host).ok()?,
        Value::SimpleString(host) => host,
        Value::Nil => "",
        _ => return None,
    };
    // `?` is a node that does not know its own name yet.
    let host = if host.is_empty() || host == "?" { asked } else { host };
    let (first, last) = (usize::try_from(*first).ok()?, usize::try_from(*last).ok()?);
    let is_range = first <= last && last < SLOTS;
    is_range.then_some(SlotRange { first, last, host: host.to_owned(), port: u16::try_from(*port).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        Server::at("10.0.0.7:7000")
    }

    #[test]
    fn slots_and_masters_are_read() {
        let answer = b"*2\r\n*4\r\n:0\r\n:5460\r\n*3\r\n$9\r\n127.0.0.1\r\n:7000\r\n$2\r\nid\r\n*3\r\n$1\r\nr\r\n:1\r\n$1\r\ni\r\n\
            *3\r\n:5461\r\n:16383\r\n*2\r\n$-1\r\n:7001\r\n";
        let ranges = read(answer, "here", &server()).unwrap();
        let range = |first, last, host: &str, port| SlotRange { first, last, host: host.to_owned(), port };
        assert_eq!(ranges, [range(0, 5460, "127.0.0.1", 7000), range(5461, 16383, "here", 7001)]);
    }

    #[test]
    fn the_epoch_is_read() {
        let answer = b"$64\r\ncluster_state:ok\r\ncluster_current_epoch:12\r\ncluster_my_epoch:2\r\n\r\n";
        assert_eq!(epoch(answer, &server()).unwrap(), 12);
        assert_eq!(epoch(b"+OK\r\n", &server()).unwrap_err().kind(), ErrorKind::Protocol);
    }

    #[test]
    fn what_is_no_map_is_an_error() {
        for answer in [
            &b"+OK\r\n"[..],
            b"*1\r\n:1\r\n",
            b"*1\r\n*3\r\n:5\r\n:99999\r\n*2\r\n$1\r\na\r\n:1\r\n",
            b"*1\r\n",
        ] {
            let error = read(answer, "here", &server()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
            assert!(error.to_string().contains("redis at 10.0.0.7:7000"), "{error}");
        }
    }
}
