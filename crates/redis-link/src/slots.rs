//! Which master has which slot.
//!
//! This module is pure.

use std::sync::Arc;

use crc16::{State, XMODEM};
use redis::Value;

/// The slot of a key: of what is between its first `{` and the next `}`, if there is anything.
///
/// Source: <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>, section
/// "Hash tags".
pub(crate) fn slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    State::<XMODEM>::calculate(hashed.as_bytes()) % SLOTS
}

/// A server of a cluster, as it is named there: `host:port`.
pub(crate) type ServerName = Arc<str>;

/// The masters and their slots, as one node told it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlotMap {
    /// The index in `masters` of the master of each slot.
    owners: Vec<u16>,
    pub(crate) masters: Vec<ServerName>,
    pub(crate) replicas: Vec<ServerName>,
    /// The epoch of the cluster that the node knew of: of two accounts the one with the higher is
    /// the later.
    pub(crate) epoch: u64,
}

impl SlotMap {
    /// Reads the answer of `CLUSTER SLOTS` of the server at `host`.
    pub(crate) fn read(answer: &Value, host: &str, epoch: u64) -> Option<Self> {
        let Value::Array(ranges) = answer else { return None };
        let mut map =
            Self { owners: vec![NOBODY; usize::from(SLOTS)], masters: vec![], replicas: vec![], epoch };
        for range in ranges {
            let Value::Array(parts) = range else { return None };
            let [Value::Int(first), Value::Int(last), master, replicas @ ..] = &parts[..] else {
                return None;
            };
            let (first, last) = (usize::try_from(*first).ok()?, usize::try_from(*last).ok()?);
            let index = map.index_of(&name(master, host)?);
            // A range that is no range of slots gives `None` here, so the whole answer is refused.
            map.owners.get_mut(first..=last)?.fill(index);
            map.replicas.extend(replicas.iter().filter_map(|replica| name(replica, host)));
        }
        (!map.masters.is_empty()).then_some(map)
    }

    pub(crate) fn owner(&self, slot: u16) -> Option<&ServerName> {
        self.masters.get(usize::from(*self.owners.get(usize::from(slot))?))
    }

    /// Notes that a slot is at another master now.
    pub(crate) fn moved(&mut self, slot: u16, to: &ServerName) {
        let index = self.index_of(to);
        if let Some(owner) = self.owners.get_mut(usize::from(slot)) {
            *owner = index;
        }
    }

    fn index_of(&mut self, name: &ServerName) -> u16 {
        let known = self.masters.iter().position(|master| master == name);
        let index = known.unwrap_or_else(|| {
            self.masters.push(Arc::clone(name));
            self.masters.len() - 1
        });
        u16::try_from(index).unwrap_or(NOBODY)
    }
}

/// A node in an answer: host or nothing, and port. Without a host it is that of the server which
/// was asked.
fn name(node: &Value, host: &str) -> Option<ServerName> {
    let Value::Array(parts) = node else { return None };
    let [told, Value::Int(port), ..] = &parts[..] else { return None };
    let told = match told {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?,
        Value::SimpleString(text) => text,
        Value::Nil => "",
        _ => return None,
    };
    // `?` is a node that does not know its own name yet.
    let host = if told.is_empty() || told == "?" { host } else { told };
    Some(format!("{host}:{port}").into())
}

const SLOTS: u16 = 16_384;
const NOBODY: u16 = u16::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn node(host: Value, port: i64) -> Value {
        Value::Array(vec![host, Value::Int(port), text("id")])
    }

    fn range(first: i64, last: i64, nodes: Vec<Value>) -> Value {
        Value::Array([Value::Int(first), Value::Int(last)].into_iter().chain(nodes).collect())
    }

    #[test]
    fn keys_with_one_tag_share_a_slot() {
        // The example of the specification.
        assert_eq!(slot("123456789"), 12_739);
        assert_eq!(slot("{user1000}.following"), slot("{user1000}.followers"));
        assert_eq!(slot("foo{}{bar}"), State::<XMODEM>::calculate(b"foo{}{bar}") % SLOTS);
        assert_eq!(slot("foo{{bar}}zap"), slot("{{bar}"));
    }

    #[test]
    fn answers_become_a_map_that_moves_change() {
        let answer = Value::Array(vec![
            range(0, 99, vec![node(text("10.0.0.1"), 1), node(text("10.0.0.2"), 2)]),
            range(100, 16_383, vec![node(Value::Nil, 3)]),
        ]);
        let mut map = SlotMap::read(&answer, "asked", 7).unwrap();
        assert_eq!(map.owner(99).map(|name| &**name), Some("10.0.0.1:1"));
        assert_eq!(map.owner(100).map(|name| &**name), Some("asked:3"));
        assert_eq!(map.replicas, [ServerName::from("10.0.0.2:2")]);
        map.moved(99, &"new:4".into());
        assert_eq!(map.owner(99).map(|name| &**name), Some("new:4"));
        assert_eq!(map.owner(98).map(|name| &**name), Some("10.0.0.1:1"));
        assert!(SlotMap::default().owner(0).is_none());
    }

    #[test]
    fn answers_of_another_shape_are_no_map() {
        for answer in [
            Value::Nil,
            Value::Array(vec![]),
            Value::Array(vec![Value::Int(1)]),
            Value::Array(vec![range(0, 16_384, vec![node(text("a"), 1)])]),
            Value::Array(vec![range(-1, 5, vec![node(text("a"), 1)])]),
            Value::Array(vec![range(5, 1, vec![node(text("a"), 1)])]),
        ] {
            assert!(SlotMap::read(&answer, "asked", 0).is_none(), "{answer:?}");
        }
    }
}
