//! What operators see: metrics, and what is logged at debug.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use presence_mongo::Watcher;
use test_support::{Mongo, require};
use tokio::time::Instant;

use crate::support::log::logged;
use crate::support::{PATIENCE, Place, expect, expect_all, started};

/// Returns the value of a metric without labels.
fn value(metrics: &PrometheusHandle, name: &str) -> f64 {
    let all = metrics.render();
    let line = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in\n{all}")).parse().unwrap()
}

/// Waits until a metric has a value.
async fn becomes(metrics: &PrometheusHandle, name: &str, expected: f64) {
    let begun = Instant::now();
    while (value(metrics, name) - expected).abs() > f64::EPSILON {
        assert!(begun.elapsed() < PATIENCE, "{name} is {}, not {expected}", value(metrics, name));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn pingers_watchers_and_documents_are_counted_and_logged() {
    let (log, _logged) = logged();
    let metrics = PrometheusBuilder::new().install_recorder().unwrap();
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), Duration::from_secs(2));
    let base = place.base().await;
    let watcher = Watcher::new(&base).unwrap();
    let mut stream = watcher.watch(["a", "b"]).unwrap();
    expect_all(&mut stream, [("a", false), ("b", false)]).await;
    becomes(&metrics, "presence_mongo_change_streams", 1.0).await;
    let mut first = started(&base, "a").await;
    expect(&mut stream, "a", true).await;
    let mut second = started(&base, "b").await;
    expect(&mut stream, "b", true).await;
    becomes(&metrics, "presence_mongo_pingers", 2.0).await;
    becomes(&metrics, "presence_mongo_alive_keys", 2.0).await;
    becomes(&metrics, "presence_mongo_watched_keys", 2.0).await;
    first.kill().await.unwrap();
    expect(&mut stream, "a", false).await;
    becomes(&metrics, "presence_mongo_starts_total", 2.0).await;
    becomes(&metrics, "presence_mongo_kills_total", 1.0).await;
    becomes(&metrics, "presence_mongo_changes_total", 3.0).await;
    becomes(&metrics, "presence_mongo_beings_read_total", 2.0).await;
    for name in ["presence_mongo_updates_total", "presence_mongo_sync_seconds_count"] {
        assert!(value(&metrics, name) >= 1.0, "{name}");
    }
    watcher.sync().await.unwrap();
    assert!(value(&metrics, "presence_mongo_slot_bytes") > 20.0);

    // Superseded beings go when their slots are over.
    for _ in 0..3 {
        second.stop();
        second.start().await.unwrap();
    }
    let begun = Instant::now();
    while base.prune().await.unwrap().beings == 0 {
        assert!(begun.elapsed() < PATIENCE, "they should be pruned by now");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(value(&metrics, "presence_mongo_pruned_total") >= 1.0);
    assert!(value(&metrics, "presence_mongo_beings") >= 2.0);
    assert!(value(&metrics, "presence_mongo_slots") >= 1.0);

    // Pings, syncs with their slots, deaths and prunings.
    assert!(log.has(&["presence_mongo::batcher", "pinged", "slot="]));
    assert!(log.has(&["presence_mongo::reader", "read", "slot=", "alive=1"]));
    assert!(log.has(&["presence_mongo::reader", "changed", "key=a", "alive=false"]));
    assert!(log.has(&["presence_mongo::pruner", "pruned", "beings="]));
    assert!(base.shutdown(PATIENCE).await);
}
