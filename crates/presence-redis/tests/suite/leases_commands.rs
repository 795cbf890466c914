//! What the leases layout sends, as `MONITOR` shows it: transitions, and renewals whatever the
//! number of ids.

use std::time::Duration;

use presence_core::Presence;
use presence_redis::LinkConfig;
use presence_redis::leases::{Config, Leases};
use test_support::{Redis, RedisMonitor, require};

/// The scripts called since the last time, each with its keys and its arguments, but for renewals.
async fn calls(monitor: &mut RedisMonitor) -> Vec<(Vec<String>, Vec<String>)> {
    let commands = monitor.commands().await.unwrap();
    let mut calls = Vec::new();
    for command in commands {
        let words: Vec<_> = command.split(' ').map(str::to_owned).collect();
        match words[0].as_str() {
            "EVALSHA" => {
                let keys: usize = words[2].parse().unwrap();
                calls.push((words[3..3 + keys].to_vec(), words[3 + keys..].to_vec()));
            }
            // The mail of this process.
            "XREAD" => {}
            _ => panic!("not expected: {command}"),
        }
    }
    calls.retain(|(keys, _)| keys.len() != RENEWAL_KEYS);
    calls
}

/// The steps and the ids of all calls, after epoch, process, two bounds and the number of the call.
fn steps(calls: &[(Vec<String>, Vec<String>)]) -> Vec<String> {
    let mut steps: Vec<_> =
        calls.iter().flat_map(|(_, words)| words[5..].chunks(2).map(|step| step.join(" "))).collect();
    steps.sort_unstable();
    steps
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_of_transitions_alone() {
    let Some(redis) = require(Redis::private().await) else { return };
    // Redis is here and well, however busy the machine is.
    let long = Duration::from_secs(30);
    let link = LinkConfig::new(redis.url()).timeout(long).connect_timeout(long);
    let config = Config::new(link).ttl(long).grace(Duration::ZERO);
    let presence = Presence::new(Leases::start(config).await.unwrap());
    // Redis knows the scripts after this.
    let ids: Vec<_> = (0..100).map(|number| format!("user:{number:02}")).collect();
    presence.online(&ids).await.unwrap();
    presence.offline(&ids).await.unwrap();
    let mut monitor = redis.monitor().await.unwrap();

    presence.online(&ids).await.unwrap();
    let arrivals = calls(&mut monitor).await;
    assert_eq!(steps(&arrivals), ids.iter().map(|id| format!("h {id}")).collect::<Vec<_>>());
    assert!(arrivals.len() < ids.len() / 2, "{} calls: those of a shard go together", arrivals.len());
    for (keys, _) in &arrivals {
        // All in one slot of a cluster.
        let tag = keys[0].split('}').next().unwrap();
        assert!(keys.iter().all(|key| key.split('}').next() == Some(tag)), "{keys:?}");
    }

    for _ in 0..20 {
        presence.online(&ids).await.unwrap();
        presence.beat_device("user:00", "tab").await.unwrap();
        presence.hold_device("user:01", "tab").await.unwrap();
    }
    assert_eq!(calls(&mut monitor).await, [], "a heartbeat of who is online is a local matter");

    presence.offline(&ids[..2]).await.unwrap();
    assert_eq!(steps(&calls(&mut monitor).await), ["o user:00", "o user:01"]);
    presence.shutdown(Duration::from_secs(60)).await;
}

/// How many keys a renewal names. So do looks and entries, of which there are none here.
const RENEWAL_KEYS: usize = 4;
