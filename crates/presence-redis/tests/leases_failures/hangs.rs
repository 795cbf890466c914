//! One of several servers hangs: a master of a cluster, or a master and the first sentinel of the
//! address.

use std::time::Duration;

use futures_util::future::join_all;
use presence_core::{ErrorKind, Presence, Since, State, Status};
use presence_redis::LinkConfig;
use test_support::{RedisCluster, RedisSentinel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::{PATIENCE, config, known, process};

/// Ids by whether a call about them works, as nobody outside knows where they lie.
async fn parted(presence: &Presence, ids: &[String]) -> (Vec<String>, Vec<String>) {
    let statuses = match presence.status(ids).await {
        Ok(statuses) => statuses,
        Err(error) => error.partial().clone(),
    };
    let (mut well, mut away) = (Vec::new(), Vec::new());
    for (id, status) in ids.iter().zip(statuses) {
        assert_ne!(status, Status::Offline, "{id} is held");
        if status == Status::Online { &mut well } else { &mut away }.push(id.clone());
    }
    (well, away)
}

/// Calls about the ids in turn until one fails, and returns how.
async fn call_on(caller: Presence, ids: Vec<String>) -> String {
    for id in ids.iter().cycle() {
        if let Err(error) = caller.status([id]).await {
            return format!("status of {id}: {error}");
        }
        if let Err(error) = caller.online([id]).await {
            return format!("heartbeat of {id}: {error}");
        }
        sleep(Duration::from_millis(5)).await;
    }
    unreachable!("it goes on until it is dropped")
}

#[tokio::test(flavor = "multi_thread")]
async fn master_that_hangs_costs_its_own_ids_alone() {
    let Some(cluster) = test_support::require(RedisCluster::replicated(3).await) else { return };
    // What is judged is who is answered, not how busy the machine is.
    let long = Duration::from_secs(10);
    let link = LinkConfig::new(cluster.url()).timeout(long).connect_timeout(long);
    let config = config(&cluster.url()).link(link);
    let (one, caller) = (process(&config).await, process(&config).await);
    let ids: Vec<_> = (0..60).map(|number| format!("user {number}")).collect();
    for held in join_all(ids.iter().map(|id| one.hold_device(id, "tab"))).await {
        held.unwrap();
    }
    // Nobody takes its place before it was missed.
    cluster.node(3).freeze().await.unwrap();
    cluster.node(0).freeze().await.unwrap();
    let (well, away) = parted(&one, &ids).await;
    assert!(!well.is_empty() && !away.is_empty(), "{} of {} are well", well.len(), ids.len());
    let mut state = one.state();
    let part = timeout(PATIENCE, state.wait_for(|state| matches!(state, State::ReadOnly { .. }))).await;
    assert!(part.unwrap().unwrap().reason().unwrap().contains("shards"));
    // From here on calls about the others never fail, for the whole failover.
    let mut healthy = JoinSet::new();
    healthy.spawn(call_on(caller, well.clone()));
    // A process that starts while it hangs serves the others as well.
    let early = process(&config).await;
    let begun = Instant::now();
    while parted(&early, &well).await.0.len() < well.len() {
        assert!(begun.elapsed() < PATIENCE, "it serves nobody");
    }
    cluster.node(3).thaw().await.unwrap();
    cluster.failed_over(0).await.unwrap();
    let followed = Instant::now();
    for presence in [&one, &early] {
        timeout(PATIENCE, presence.state().wait_for(State::is_well))
            .await
            .expect("it is whole again")
            .unwrap();
    }
    // The rest of it is a new epoch, which waits up to 5 s for all to say who is here.
    while parted(&early, &ids).await.0.len() < ids.len() {
        assert!(followed.elapsed() < PATIENCE, "somebody does not come back");
    }
    if let Some(failed) = healthy.try_join_next() {
        panic!("a healthy master's id failed: {}", failed.unwrap());
    }
    let late = process(&config).await;
    while parted(&late, &ids).await.0.len() < ids.len() {
        assert!(followed.elapsed() < 2 * PATIENCE, "somebody is not known to a new process");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failover_is_followed_though_the_first_sentinel_hangs() {
    let Some(servers) = test_support::require(RedisSentinel::start().await) else { return };
    let config = config(&servers.url());
    let one = process(&config).await;
    one.hold_device("a", "tab").await.unwrap();
    let master = servers.master().await.unwrap();
    servers.sentinels()[0].freeze().await.unwrap();
    master.freeze().await.unwrap();
    // The failover may be over by then.
    if let Err(error) = one.online(["new"]).await {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    let begun = Instant::now();
    while one.status(["a"]).await.ok() != Some(vec![Status::Online]) {
        assert!(begun.elapsed() < PATIENCE, "the failover is not followed");
    }
    let late = process(&config).await;
    assert_eq!(known(&late, &["a"]).await, [Status::Online]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_all_masters_says_which_one_is_missing() {
    let Some(cluster) = test_support::require(RedisCluster::start(3).await) else { return };
    let presence = process(&config(&cluster.url())).await;
    presence.hold_device("a", "tab").await.unwrap();
    assert_eq!(presence.count().await.unwrap(), 1);
    cluster.node(0).freeze().await.unwrap();
    let begun = Instant::now();
    let counted = presence.count().await.unwrap_err();
    let opened = presence.events(Since::Now).await.unwrap_err();
    assert!(begun.elapsed() < PATIENCE, "both took {:?}", begun.elapsed());
    for error in [counted, opened] {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let text = error.to_string();
        assert!(text.contains("needs all 16 shards") && text.contains("cannot be read"), "{text}");
    }
    cluster.node(0).thaw().await.unwrap();
    while presence.count().await.ok() != Some(1) {
        assert!(begun.elapsed() < PATIENCE, "it is not counted again");
    }
}
