//! That the table has a row for everything, and a use for every row.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use prost::Message as _;
use prost_types::FileDescriptorSet;
use tidings::hub::protocol::Opcode;
use tidings::identity::Identity;
use tidings::timeline;

use super::*;
use crate::access::refused::RefusedKind;

/// The paths of all methods of all services that a set of proto files declares.
fn methods(descriptors: &[u8]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for file in FileDescriptorSet::decode(descriptors).unwrap().file {
        for service in &file.service {
            for method in &service.method {
                paths.insert(format!("/{}.{}/{}", file.package(), service.name(), method.name()));
            }
        }
    }
    paths
}

#[test]
fn every_grpc_method_has_a_row_and_every_row_a_method() {
    let all: BTreeSet<String> = [
        timeline::proto::FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ]
    .into_iter()
    .flat_map(methods)
    .collect();
    let rows: BTreeSet<String> = GRPC.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(rows, all);
    assert_eq!(GRPC.len(), rows.len());
    assert!(SENDS.iter().all(|path| find_method(path).is_some()));
}

#[test]
fn every_route_of_the_timelines_has_a_row_and_every_row_a_route() {
    let routes: BTreeSet<(&str, &str)> = timeline::http::ROUTES.iter().copied().collect();
    let rows = ROUTES.iter().filter(|row| row.path.starts_with("/timeline/") && row.method != "*");
    assert_eq!(rows.map(|row| (row.method, row.path)).collect::<BTreeSet<_>>(), routes);
    let of_timelines = |path: &str| matches!(find(&Method::GET, path), Found::Row(row) if row.path == path);
    assert!(UNKNOWN.iter().all(|path| of_timelines(path)));
}

#[test]
fn whatever_writes_to_the_timelines_counts_as_a_send_and_a_watch_as_a_connection() {
    let routes = ROUTES.iter().filter(|row| row.path.starts_with("/timeline/") && row.method != "*");
    for row in routes {
        let expected = match row.method {
            "POST" => Some(RateKind::Sends),
            _ => row.path.ends_with("/watch").then_some(RateKind::Connects),
        };
        assert_eq!(row.counts, expected, "{} {}", row.method, row.path);
    }
    let methods = GRPC.iter().map(|(path, _)| *path).filter(|path| path.starts_with("/timeline."));
    for path in methods {
        let (_, name) = path.rsplit_once('/').unwrap();
        let reads = name.starts_with("Get") || name.starts_with("List") || name.ends_with("Of");
        let reads = reads || ["Unread", "Conversations"].contains(&name);
        let writes = (!reads).then_some(RateKind::Sends);
        assert_eq!(counts(path), if path == WATCH { Some(RateKind::Connects) } else { writes }, "{path}");
    }
}

#[test]
fn every_opcode_has_a_row() {
    let rows: Vec<&str> = OPCODES.iter().map(|(name, _)| *name).collect();
    let opcodes: Vec<String> = Opcode::ALL.iter().map(|opcode| format!("{opcode:?}")).collect();
    assert_eq!(rows, opcodes);
    let of_servers = OPCODES.iter().filter(|(_, need)| need.is_none()).count();
    assert_eq!(of_servers, 3);
}

#[test]
fn no_two_rows_are_about_the_same() {
    let routes: BTreeSet<_> = ROUTES.iter().map(|row| (row.method, row.path)).collect();
    assert_eq!(routes.len(), ROUTES.len());
    let calls: BTreeSet<_> = CALLS.iter().map(|(name, _)| name).collect();
    assert_eq!(calls.len(), CALLS.len());
}

#[test]
fn a_request_is_found_by_its_method_and_nothing_else_passes() {
    let need = |method: &str, path: &str| match find(&method.parse().unwrap(), path) {
        Found::Row(row) => Some(row.need),
        Found::OtherMethods(methods) => {
            assert!(!methods.contains(&method));
            None
        }
        Found::Nothing => panic!("{path} has no row"),
    };
    assert_eq!(need("GET", "/metrics"), Some(ADMIN));
    assert_eq!(need("HEAD", "/metrics"), Some(ADMIN));
    assert_eq!(need("GET", "/assets/app.js"), Some(Need::Open));
    assert_eq!(need("POST", "/ticket"), Some(Need::User));
    assert_eq!(need("DELETE", "/timeline/{*rest}"), Some(Need::Open));
    for method in ["POST", "PUT", "get", "OPTIONS"] {
        assert_eq!(need(method, "/metrics"), None, "{method}");
    }
    for path in ["/secret", "", "/assets", "/timeline/send/", "/presence/"] {
        assert!(matches!(find(&Method::GET, path), Found::Nothing), "{path}");
    }
}

#[test]
fn each_need_is_met_by_those_who_should() {
    let bob = Identity::new("bob", SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000)).unwrap();
    let service = |scope| Caller::from(bob.clone().with_scopes([scope].into_iter().collect()));
    let callers = [
        Caller::Anybody,
        Caller::Anonymous,
        Caller::from(bob.clone()),
        service(Scope::Timelines),
        service(Scope::Admin),
    ];
    for (need, met) in [
        (Need::Open, [true, true, true, true, true]),
        (Need::User, [true, false, true, true, true]),
        (TIMELINES, [true, false, true, true, false]),
        (ADMIN, [true, false, false, false, true]),
    ] {
        for (caller, met) in callers.iter().zip(met) {
            let refused = need.check(caller).map_err(|refused| refused.kind);
            let expected = match caller {
                _ if met => Ok(()),
                Caller::Anonymous => Err(RefusedKind::Unauthenticated),
                _ => Err(RefusedKind::Forbidden),
            };
            assert_eq!(refused, expected, "{need:?} {caller:?}");
        }
    }
}
