//! The part of etcd's API that is used here, with the numbers of its fields.
//!
//! | call | path | since |
//! |---|---|---|
//! | range | `/etcdserverpb.KV/Range` | 3.0 |
//! | put | `/etcdserverpb.KV/Put` | 3.0 |
//! | grant, revoke, renewal of a lease | `/etcdserverpb.Lease/LeaseGrant`, `…/LeaseRevoke`, `…/LeaseKeepAlive` | 3.0 |
//! | watch | `/etcdserverpb.Watch/Watch` | 3.0 |
//! | login | `/etcdserverpb.Auth/Authenticate` | 3.0 |
//!
//! Fields that are not needed are left out: those that come are skipped, and those that do not go
//! have their defaults. Source:
//! <https://github.com/etcd-io/etcd/blob/release-3.4/etcdserver/etcdserverpb/rpc.proto>.

use prost::Message;

pub(super) const RANGE: &str = "/etcdserverpb.KV/Range";
pub(super) const PUT: &str = "/etcdserverpb.KV/Put";
pub(super) const GRANT: &str = "/etcdserverpb.Lease/LeaseGrant";
pub(super) const REVOKE: &str = "/etcdserverpb.Lease/LeaseRevoke";
pub(super) const KEEP_ALIVE: &str = "/etcdserverpb.Lease/LeaseKeepAlive";
pub(super) const WATCH: &str = "/etcdserverpb.Watch/Watch";
pub(super) const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";

/// What every answer begins with.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Header {
    /// The state of the store that the answer is of.
    #[prost(int64, tag = "3")]
    pub(super) revision: i64,
}

/// A key with what is stored under it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyValue {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) value: Vec<u8>,
    /// The lease with which the key goes; 0 of one that stays.
    #[prost(int64, tag = "6")]
    pub(super) lease: i64,
}

/// Asks for a key, or for those from `key` to before `range_end`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) range_end: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct RangeResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) header: Option<Header>,
    #[prost(message, repeated, tag = "2")]
    pub(super) kvs: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub(super) lease: i64,
}

/// The answer of a call of which nothing more is needed.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Done {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GrantRequest {
    /// Seconds.
    #[prost(int64, tag = "1")]
    pub(super) ttl: i64,
}

/// The answer to a grant, and to a renewal.
#[derive(Clone, PartialEq, Message)]
pub(super) struct LeaseResponse {
    #[prost(int64, tag = "2")]
    pub(super) id: i64,
    /// Seconds; 0 of a lease that is over.
    #[prost(int64, tag = "3")]
    pub(super) ttl: i64,
}

/// Names the lease that is renewed or revoked.
#[derive(Clone, PartialEq, Message)]
pub(super) struct LeaseRequest {
    #[prost(int64, tag = "1")]
    pub(super) id: i64,
}

/// A union in etcd's file, of which only the first case is used.
#[derive(Clone, PartialEq, Message)]
pub(super) struct WatchRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) create: Option<WatchCreate>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WatchCreate {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) range_end: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub(super) start_revision: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WatchResponse {
    #[prost(bool, tag = "4")]
    pub(super) canceled: bool,
    /// Above 0 if the revision to begin with is not kept any more.
    #[prost(int64, tag = "5")]
    pub(super) compact_revision: i64,
    #[prost(string, tag = "6")]
    pub(super) cancel_reason: String,
    #[prost(message, repeated, tag = "11")]
    pub(super) events: Vec<WatchEvent>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WatchEvent {
    /// See [`DELETED`].
    #[prost(int32, tag = "1")]
    pub(super) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) kv: Option<KeyValue>,
}

/// The kind of an event that says that a key is gone; 0 is a key that was put.
pub(super) const DELETED: i32 = 1;

/// It has the password, so it is never shown.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AuthenticateRequest {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) password: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AuthenticateResponse {
    #[prost(string, tag = "2")]
    pub(super) token: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_the_numbers_of_etcd() {
        let kv = KeyValue { key: b"k".to_vec(), value: b"v".to_vec(), lease: 7 };
        assert_eq!(kv.encode_to_vec(), [0x0a, 1, b'k', 0x2a, 1, b'v', 0x30, 7]);
        let create = WatchCreate { key: b"k".to_vec(), range_end: b"l".to_vec(), start_revision: 9 };
        let watch = WatchRequest { create: Some(create) };
        assert_eq!(watch.encode_to_vec(), [0x0a, 8, 0x0a, 1, b'k', 0x12, 1, b'l', 0x18, 9]);
    }

    #[test]
    fn fields_that_are_not_known_are_skipped() {
        // A header with the ids of cluster and member before the revision, then a count.
        let bytes = [0x0a, 6, 0x08, 1, 0x10, 2, 0x18, 5, 0x20, 3];
        let response = RangeResponse::decode(&bytes[..]).unwrap();
        assert_eq!(response, RangeResponse { header: Some(Header { revision: 5 }), kvs: Vec::new() });
    }
}
