//! What stands in etcd, and for how long.

use serde_json::json;
use test_support::{Etcd, require};
use timeline::ErrorKind;
use timeline::etcd::{
    Registration, RegistrationConfig, RegistrationState, Resolver, ResolverConfig, Servers,
};
use tokio::time::timeout;

use crate::scene::{LATE, LEASE, LIMIT, config, key, registered, unregistered};

#[tokio::test]
async fn the_value_is_that_of_the_original_and_goes_with_the_end() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    let endpoints = ["grpc://10.0.0.7:9000", "http://10.0.0.7:8000"];
    let config = RegistrationConfig::new(Servers::new([etcd.url()]), endpoints).id("host-7").version("1.2.3");
    Registration::check(&config).await.unwrap();
    let registration = Registration::start(config).unwrap();
    registered(&registration).await;
    let found = etcd.get("/microservices/go-timeline/host-7").await.unwrap().unwrap();
    assert_eq!(
        found.value,
        r#"{"id":"host-7","name":"go-timeline","version":"1.2.3","metadata":{},"endpoints":["grpc://10.0.0.7:9000","http://10.0.0.7:8000"]}"#
    );
    assert!(!found.lease.is_empty());
    let lease = etcd.call("lease/timetolive", &json!({ "ID": found.lease })).await.unwrap();
    assert_eq!(lease["grantedTTL"], "15");

    assert!(registration.shutdown(LIMIT).await);
    assert_eq!(*registration.state().borrow(), RegistrationState::Deregistered);
    assert_eq!(etcd.get("/microservices/go-timeline/host-7").await.unwrap(), None);
}

#[tokio::test]
async fn the_lease_is_renewed_as_long_as_the_process_lives() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    let registration = Registration::start(config([etcd.url()], "a")).unwrap();
    registered(&registration).await;
    let before = etcd.get(&key("a")).await.unwrap().unwrap();
    // Nothing happens for longer than a lease.
    timeout(LEASE + LATE, unregistered(&registration)).await.unwrap_err();
    assert_eq!(etcd.get(&key("a")).await.unwrap(), Some(before));
}

#[test]
fn a_process_that_dies_is_gone_with_its_lease() {
    let here = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let there = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let Some(etcd) = here.block_on(async { require(Etcd::private().await) }) else { return };
    let registration = there.block_on(async {
        let registration = Registration::start(config([etcd.url()], "a")).unwrap();
        registered(&registration).await;
        registration
    });
    // All of its tasks end where they are, as those of a killed process.
    there.shutdown_background();
    let taken = here.block_on(etcd.until(&key("a"), |found| found.is_none())).unwrap();
    assert!(taken <= LEASE + LATE, "it took {taken:?}");
    drop(registration);
}

#[tokio::test]
async fn a_key_that_is_removed_and_a_lease_that_is_revoked_come_back() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    let registration = Registration::start(config([etcd.url()], "a")).unwrap();
    registered(&registration).await;
    let first = etcd.get(&key("a")).await.unwrap().unwrap();
    etcd.delete(&key("a")).await.unwrap();
    etcd.until(&key("a"), |found| found == Some(&first)).await.unwrap();
    etcd.call("lease/revoke", &json!({ "ID": first.lease })).await.unwrap();
    etcd.until(&key("a"), |found| {
        found.is_some_and(|found| found.value == first.value && found.lease != first.lease)
    })
    .await
    .unwrap();
    assert!(registration.shutdown(LIMIT).await);
}

#[tokio::test]
async fn a_start_takes_over_the_key_of_a_process_that_died() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    etcd.put(&key("a"), "what a crash has left").await.unwrap();
    let registration = Registration::start(config([etcd.url()], "a")).unwrap();
    registered(&registration).await;
    assert!(etcd.get(&key("a")).await.unwrap().unwrap().value.contains(r#""id":"a""#));
}

#[tokio::test]
async fn of_two_with_one_id_the_first_is_told_and_comes_back_when_the_second_ends() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    let first = Registration::start(config([etcd.url()], "a")).unwrap();
    registered(&first).await;
    let second = Registration::start(config([etcd.url()], "a")).unwrap();
    registered(&second).await;
    let why = unregistered(&first).await;
    assert!(why.contains("another process"), "{why}");
    assert!(second.shutdown(LIMIT).await);
    registered(&first).await;
    assert!(etcd.get(&key("a")).await.unwrap().is_some());
}

#[tokio::test]
async fn dropping_the_last_handle_deregisters() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    let registration = Registration::start(config([etcd.url()], "a")).unwrap();
    registered(&registration).await;
    drop(registration);
    let taken = etcd.until(&key("a"), |found| found.is_none()).await.unwrap();
    assert!(taken < LEASE / 2, "it took {taken:?}");
}

#[test]
fn nothing_starts_outside_of_a_runtime() {
    let registration = Registration::start(config(["http://localhost:2379"], "a"));
    assert_eq!(registration.unwrap_err().kind(), ErrorKind::Config);
    let resolver = Resolver::start(ResolverConfig::new(Servers::new(["http://localhost:2379"])));
    assert_eq!(resolver.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_refused_at_the_start() {
    let refused = |config| Registration::start(config).unwrap_err().kind();
    assert_eq!(refused(config(["localhost:2379"], "a")), ErrorKind::Config);
    assert_eq!(refused(config(["http://localhost:2379"], "a/b")), ErrorKind::Config);
    assert_eq!(refused(config(["https://localhost:2379"], "a")), ErrorKind::Config);
}
