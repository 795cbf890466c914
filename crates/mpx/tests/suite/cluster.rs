//! Sharded channels on a cluster of three masters.

use std::time::Duration;

use mpx::{Config, ErrorKind, Event, ShardedMultiplexer};
use test_support::{RedisCluster, RedisOptions, require};
use tokio::net::TcpStream;

use crate::direct::Direct;
use crate::listener::{Listener, soon, until};

const MASTERS: usize = 3;
const LONG: Duration = Duration::from_secs(60);

pub(crate) fn slot(channel: &str) -> u16 {
    crc16::State::<crc16::XMODEM>::calculate(channel.as_bytes()) % 16_384
}

/// So many channels of each master, in alphabetical order.
async fn channels(cluster: &RedisCluster, each: usize) -> Vec<Vec<String>> {
    let mut channels = vec![Vec::new(); MASTERS];
    for number in 0.. {
        let name = format!("c{number:04}");
        let place = &mut channels[cluster.holder(slot(&name)).await.unwrap()];
        if place.len() < each {
            place.push(name);
        }
        if channels.iter().all(|place| place.len() == each) {
            break;
        }
    }
    channels
}

fn start(cluster: &RedisCluster, query: &str) -> ShardedMultiplexer {
    let config = Config::new(format!("{}/{query}", cluster.node(0).url()));
    ShardedMultiplexer::start(config).unwrap()
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

async fn open(multiplexer: &ShardedMultiplexer, names: &[&str]) -> (mpx::ChannelSubscription, Listener) {
    let (subscription, events) = multiplexer.channels().unwrap();
    let mut listener = Listener::new(events);
    names.iter().for_each(|name| subscription.add(name).unwrap());
    listener.activated(names).await;
    (subscription, listener)
}

async fn hears(cluster: &RedisCluster, listener: &mut Listener, names: &[&str]) {
    for name in names {
        let holder = cluster.holder(slot(name)).await.unwrap();
        let mut publisher = Direct::open(cluster.node(holder).url()).await;
        assert_eq!(publisher.spublish(name, "m").await, 1, "{name}");
        listener.message(name, "m").await;
    }
}

#[tokio::test]
async fn channels_of_all_masters_are_heard() {
    let Some(cluster) = require(RedisCluster::start(MASTERS).await) else { return };
    let channels = channels(&cluster, 5).await.concat();
    let names = texts(&channels);
    for query in ["", "?protocol=resp3"] {
        let multiplexer = start(&cluster, query);
        let (subscription, mut listener) = open(&multiplexer, &names).await;
        hears(&cluster, &mut listener, &names).await;
        // Removed and added at once.
        assert_eq!(subscription.remove(names[0]), 1);
        subscription.add(names[0]).unwrap();
        listener.activated(&names[..1]).await;
        hears(&cluster, &mut listener, &names).await;
        assert!(multiplexer.error().is_none());
        assert!(soon(multiplexer.shutdown(LONG)).await);
        listener.ended(None).await;
    }
}

#[tokio::test]
async fn a_cluster_is_reached_as_a_function_says() {
    let Some(cluster) = require(RedisCluster::start(MASTERS).await) else { return };
    let channels = channels(&cluster, 2).await.concat();
    let names = texts(&channels);
    // The first node has a name that means nothing, and the others the ports that the cluster
    // knows.
    let first = cluster.node(0).port();
    let config = Config::from_connect_node("entrance", 1, move |host: String, port| async move {
        let port = if host == "entrance" { first } else { port };
        TcpStream::connect(("127.0.0.1", port)).await
    });
    let multiplexer = ShardedMultiplexer::start(config).unwrap();
    let (_subscription, mut listener) = open(&multiplexer, &names).await;
    hears(&cluster, &mut listener, &names).await;
}

#[tokio::test]
async fn a_channel_follows_its_slot() {
    let Some(cluster) = require(RedisCluster::start(MASTERS).await) else { return };
    let channels = channels(&cluster, 2).await.concat();
    let names = texts(&channels);
    let multiplexer = start(&cluster, "");
    let (_subscription, mut listener) = open(&multiplexer, &names).await;
    let moved = names[0];
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        cluster.move_slot(slot(moved), from, to).await.unwrap();
        listener.disconnected(&[moved]).await;
        listener.activated(&[moved]).await;
        hears(&cluster, &mut listener, &names).await;
    }
}

#[tokio::test]
async fn channels_of_a_slot_move_together_and_take_nothing_from_others() {
    const NAMES: usize = 20;
    let Some(cluster) = require(RedisCluster::start(MASTERS).await) else { return };
    let (channels, multiplexer) = (channels(&cluster, 1).await, start(&cluster, ""));
    let (moved, other) = (&channels[0][0], &*channels[1][0]);
    let mut names: Vec<String> = (0..NAMES).map(|number| format!("{{{moved}}}{number:02}")).collect();
    names.push(other.to_owned());
    let names = texts(&names);
    let (subscription, events) = multiplexer.channels().unwrap();
    names.iter().for_each(|name| subscription.add(name).unwrap());
    for name in &names {
        soon(subscription.wait_for_activation(name)).await.unwrap();
    }
    // All this before anything is read.
    let mut direct = Direct::open(cluster.node(1).url()).await;
    assert_eq!(direct.spublish(other, "m").await, 1);
    cluster.move_slot(slot(moved), 0, 2).await.unwrap();
    let mut new_master = Direct::open(cluster.node(2).url()).await;
    for name in &names[..NAMES] {
        until(async || (new_master.spublish(name, "m").await == 1).then_some(())).await;
    }
    let mut listener = Listener::new(events);
    let (mut told, mut heard) = (Vec::new(), Vec::new());
    while heard.len() < NAMES + 1 {
        match listener.next().await {
            Event::Message(message) => {
                assert!(told.contains(&message.channel), "{message:?} before it is active");
                heard.push(message.channel);
            }
            Event::Activated { name } => told.push(name),
            Event::Disconnected { names: lost, .. } => {
                assert_eq!(told.len(), NAMES + 1, "all were active");
                assert_eq!(lost.iter().collect::<Vec<_>>(), &names[..NAMES]);
                told.retain(|name| *name == other);
            }
            lost => panic!("{lost:?}"),
        }
    }
    heard.sort();
    let mut expected = names.clone();
    expected.sort_unstable();
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn a_channel_of_a_moved_slot_is_subscribed_where_the_slot_is_now() {
    let Some(cluster) = require(RedisCluster::start(MASTERS).await) else { return };
    let channels = channels(&cluster, 2).await;
    let multiplexer = start(&cluster, "");
    let (subscription, mut listener) = open(&multiplexer, &[&*channels[0][0]]).await;
    // It has the old map, and nothing that tells it of another.
    let moved = &*channels[0][1];
    cluster.move_slot(slot(moved), 0, 2).await.unwrap();
    subscription.add(moved).unwrap();
    listener.activated(&[moved]).await;
    hears(&cluster, &mut listener, &[moved, &channels[0][0]]).await;
}

#[tokio::test]
async fn a_lost_master_takes_its_own_names_only() {
    let Some(cluster) = require(RedisCluster::start(MASTERS).await) else { return };
    let channels = channels(&cluster, 3).await;
    let all = channels.concat();
    let names = texts(&all);
    let multiplexer = start(&cluster, "");
    let (_subscription, mut listener) = open(&multiplexer, &names).await;
    for (number, place) in channels.iter().enumerate() {
        let mut publisher = Direct::open(cluster.node(number).url()).await;
        assert_eq!(publisher.kill_subscribers().await, 1);
        listener.disconnected(&texts(place)).await;
        listener.activated(&texts(place)).await;
        hears(&cluster, &mut listener, &names).await;
    }
}

#[tokio::test]
async fn a_killed_master_is_found_again() {
    let Some(cluster) = require(RedisCluster::start(MASTERS).await) else { return };
    let channels = channels(&cluster, 3).await;
    let all = channels.concat();
    let names = texts(&all);
    let multiplexer = start(&cluster, "");
    let (_subscription, mut listener) = open(&multiplexer, &names).await;
    cluster.node(1).kill().unwrap();
    listener.disconnected(&texts(&channels[1])).await;
    cluster.node(1).start_again().await.unwrap();
    cluster.is_well().await.unwrap();
    listener.activated(&texts(&channels[1])).await;
    hears(&cluster, &mut listener, &names).await;
}

#[tokio::test]
async fn a_stopped_multiplexer_is_connected_to_all_masters_again() {
    let Some(cluster) = require(RedisCluster::start(MASTERS).await) else { return };
    let channels = channels(&cluster, 2).await.concat();
    let names = texts(&channels);
    let multiplexer = start(&cluster, "");
    let (_subscription, mut listener) = open(&multiplexer, &names).await;
    for _ in 0..3 {
        multiplexer.stop();
        multiplexer.restart();
        listener.activated(&names).await;
        hears(&cluster, &mut listener, &names).await;
    }
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_reported() {
    // Nobody takes this port meanwhile.
    let free = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    let multiplexer = ShardedMultiplexer::start(Config::new(format!("redis://{free}"))).unwrap();
    let error = until(async || multiplexer.error()).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(soon(multiplexer.shutdown(LONG)).await);
    let socket = Config::new("redis+unix:///nowhere");
    assert_eq!(ShardedMultiplexer::start(socket).unwrap_err().kind(), ErrorKind::Config);
    let function = Config::from_connect(move || TcpStream::connect(free));
    assert_eq!(ShardedMultiplexer::start(function).unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_cluster_that_is_down_refuses_for_a_while_only() {
    let arguments = ["--cluster-allow-pubsubshard-when-down", "no"].map(str::to_owned).into();
    let options = RedisOptions { arguments, ..RedisOptions::default() };
    let Some(cluster) = require(RedisCluster::with(MASTERS, &options).await) else { return };
    let channels = channels(&cluster, 3).await;
    let all = channels.concat();
    let multiplexer = start(&cluster, "");
    let (subscription, mut listener) = open(&multiplexer, &texts(&all[1..])).await;
    cluster.node(1).kill().unwrap();
    listener.disconnected(&texts(&channels[1])).await;
    let mut publisher = Direct::open(cluster.node(0).url()).await;
    until(async || {
        let info: String = publisher.ask(redis::cmd("CLUSTER").arg("INFO")).await;
        info.contains("cluster_state:fail").then_some(())
    })
    .await;
    subscription.add(&all[0]).unwrap();
    until(async || {
        let error: redis::RedisResult<()> =
            redis::cmd("SPUBLISH").arg(&all[0]).arg("m").query_async(publisher.raw()).await;
        error.is_err().then_some(())
    })
    .await;
    cluster.node(1).start_again().await.unwrap();
    cluster.is_well().await.unwrap();
    for name in &all {
        soon(subscription.wait_for_activation(name)).await.unwrap();
    }
    for name in &all {
        let holder = cluster.holder(slot(name)).await.unwrap();
        let mut publisher = Direct::open(cluster.node(holder).url()).await;
        until(async || (publisher.spublish(name, name).await == 1).then_some(())).await;
        assert_eq!(listener.any_message().await, name);
    }
}

#[tokio::test]
async fn a_frozen_master_is_noticed_and_another_node_gives_the_map() {
    let Some(cluster) = require(RedisCluster::start(MASTERS).await) else { return };
    let channels = channels(&cluster, 2).await;
    let all = channels.concat();
    let config = Config::new(cluster.node(0).url())
        // An answer of a busy machine comes in time.
        .ping_timeout(Duration::from_secs(4))
        .nodes(vec![("127.0.0.1".to_owned(), cluster.node(1).port())]);
    cluster.node(0).freeze().await.unwrap();
    let multiplexer = ShardedMultiplexer::start(config).unwrap();
    let (subscription, mut listener) = open(&multiplexer, &texts(&channels[1])).await;
    cluster.node(0).thaw().await.unwrap();
    cluster.is_well().await.unwrap();
    for name in channels[0].iter().chain(&channels[2]) {
        subscription.add(name).unwrap();
    }
    for name in &all {
        soon(subscription.wait_for_activation(name)).await.unwrap();
        let holder = cluster.holder(slot(name)).await.unwrap();
        let mut publisher = Direct::open(cluster.node(holder).url()).await;
        until(async || (publisher.spublish(name, name).await == 1).then_some(())).await;
        assert_eq!(listener.any_message().await, name);
    }
}
