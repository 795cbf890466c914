//! Nodes of a cluster that take long to reach, or that never are.

use std::future::pending;
use std::time::Duration;

use mpx::{Config, ShardedMultiplexer};
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::Cluster;
use crate::time::in_no_time;

/// Waits until a channel is active; returns how long that took.
async fn activated(config: Config, channel: &str) -> Duration {
    let multiplexer = ShardedMultiplexer::start(config).unwrap();
    let (subscription, _events) = multiplexer.channels().unwrap();
    let began = Instant::now();
    subscription.add(channel).unwrap();
    let activation = timeout(Duration::from_secs(10 * 60), subscription.wait_for_activation(channel));
    activation.await.expect("the map came").unwrap();
    began.elapsed()
}

#[test]
fn a_map_comes_over_connections_that_take_as_long_as_they_may() {
    in_no_time(async {
        let cluster = Cluster::new(1, 3, &["a0".to_owned()]);
        let connect = cluster.connector();
        let config = Config::from_connect_node("node", 0, move |host: String, port: u16| {
            let connecting = connect(host, port);
            async move {
                sleep(Duration::from_secs(29)).await;
                connecting.await
            }
        });
        activated(config.connect_timeout(Duration::from_secs(30)), "a0").await;
    });
}

#[test]
fn a_node_that_stands_still_delays_no_map() {
    for seed in 0..20 {
        in_no_time(async {
            let channels = ["a0", "a1", "a2"].map(str::to_owned);
            let cluster = Cluster::new(seed, 3, &channels);
            // One whose master can be reached.
            let Some(channel) = channels.iter().find(|channel| cluster.owner(channel) != 0) else { return };
            let connect = cluster.connector();
            let config = Config::from_connect_node("node", 0, move |host: String, port: u16| {
                let connecting = connect(host, port);
                async move {
                    if port == 0 {
                        return pending().await;
                    }
                    connecting.await
                }
            });
            let config = config.nodes([("node", 1), ("node", 2)]).jitter_seed(seed);
            let took = activated(config.connect_timeout(Duration::from_secs(300)), channel).await;
            assert!(took < Duration::from_secs(100), "{took:?} with seed {seed}");
        });
    }
}
