//! Members that are frozen or killed, one of three and all of them.

use std::time::Duration;

use test_support::{Etcd, EtcdCluster, require};
use timeline::etcd::{Registration, Resolver, ResolverConfig, ResolverState, Servers};
use timeline::{Error, ErrorKind};
use tokio::time::{Instant, timeout};

use crate::scene::{LATE, LEASE, LIMIT, becomes, config, key, nodes_become, registered, unregistered};

#[tokio::test]
async fn one_frozen_member_of_three_costs_no_registration() {
    let Some(cluster) = require(EtcdCluster::start().await) else { return };
    let registration = Registration::start(config(cluster.urls(), "a")).unwrap();
    registered(&registration).await;
    let [first, second, _] = cluster.members();
    let before = second.get(&key("a")).await.unwrap().unwrap();
    // The one that is asked first. Its connections stay open.
    first.freeze().await.unwrap();
    timeout(LEASE + LATE, unregistered(&registration)).await.unwrap_err();
    assert_eq!(second.get(&key("a")).await.unwrap(), Some(before));

    // A new one begins at the frozen member as well, and goes on to the next.
    let began = Instant::now();
    let another = Registration::start(config(cluster.urls(), "b")).unwrap();
    registered(&another).await;
    assert!(began.elapsed() < LEASE, "it took {:?}", began.elapsed());
    assert!(another.shutdown(LIMIT).await && registration.shutdown(LIMIT).await);
    assert_eq!(second.get(&key("a")).await.unwrap(), None);
    first.thaw().await.unwrap();
}

#[tokio::test]
async fn nodes_are_followed_although_one_of_three_members_is_frozen() {
    let Some(cluster) = require(EtcdCluster::start().await) else { return };
    let resolver = Resolver::start(ResolverConfig::new(Servers::new(cluster.urls()))).unwrap();
    becomes(resolver.state(), |state| *state == ResolverState::Following).await;
    let [first, second, _] = cluster.members();
    let registration = Registration::start(config([second.url()], "a")).unwrap();
    nodes_become(&resolver, &["a"]).await;
    // The watch is at this one, which says nothing any more.
    first.freeze().await.unwrap();
    assert!(registration.shutdown(LIMIT).await);
    nodes_become(&resolver, &[]).await;
    assert!(resolver.shutdown(LIMIT).await);
}

#[tokio::test]
async fn an_etcd_that_was_away_finds_us_again() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    let resolver = Resolver::start(ResolverConfig::new(Servers::new([etcd.url()]))).unwrap();
    let registration = Registration::start(config([etcd.url()], "a")).unwrap();
    nodes_become(&resolver, &["a"]).await;
    etcd.kill().unwrap();
    let began = Instant::now();
    let why = unregistered(&registration).await;
    assert!(began.elapsed() < LEASE + LEASE, "it took {:?}", began.elapsed());
    assert!(why.contains(etcd.url()), "{why}");
    becomes(resolver.state(), |state| matches!(state, ResolverState::Away { .. })).await;
    // What was known last stays.
    nodes_become(&resolver, &["a"]).await;

    etcd.start_again().await.unwrap();
    registered(&registration).await;
    becomes(resolver.state(), |state| *state == ResolverState::Following).await;
    etcd.until(&key("a"), |found| found.is_some()).await.unwrap();
    assert!(registration.shutdown(LIMIT).await);
    nodes_become(&resolver, &[]).await;
}

#[tokio::test]
async fn all_members_frozen_keep_no_caller_and_are_found_again() {
    let Some(cluster) = require(EtcdCluster::start().await) else { return };
    let registration = Registration::start(config(cluster.urls(), "a")).unwrap();
    registered(&registration).await;
    for member in cluster.members() {
        member.freeze().await.unwrap();
    }
    unregistered(&registration).await;
    let check = Registration::check(&config(cluster.urls(), "a")).await;
    assert_eq!(check.map_err(|error: Error| error.kind()), Err(ErrorKind::Unavailable));
    for member in cluster.members() {
        member.thaw().await.unwrap();
    }
    registered(&registration).await;
    // Its end waits no longer than it may.
    for member in cluster.members() {
        member.freeze().await.unwrap();
    }
    let (began, grace) = (Instant::now(), Duration::from_millis(500));
    assert!(!registration.shutdown(grace).await);
    assert!(began.elapsed() < LEASE, "it took {:?}", began.elapsed());
}
