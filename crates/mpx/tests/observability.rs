//! What operators see: metrics, and spans of the connections.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use mpx::{Config, ErrorKind, Event, Events, Multiplexer, Publisher};
use parking_lot::Mutex;
use test_support::{Redis, require};
use tokio::time::timeout;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::format::FmtSpan;

const LONG: Duration = Duration::from_secs(60);

/// Where the lines of the log go.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Connecting and subscribing again are spans that ended, and the loss is told.
    fn tells_of_connections(&self, address: &str) {
        let log = String::from_utf8(self.0.lock().clone()).unwrap();
        for span in ["connect{", "resubscribe{"] {
            let ended = log
                .lines()
                .filter(|line| line.contains(span) && line.contains("close") && line.contains(address));
            assert!(ended.count() >= 4, "{span} of {address} is not in\n{log}");
        }
        assert!(log.contains("the connection to redis was lost"), "{log}");
    }
}

/// Each of these begins a line of the metrics.
fn begin(metrics: &PrometheusHandle, names: &[&str]) {
    let all = metrics.render();
    for name in names {
        assert!(all.lines().any(|line| line.starts_with(name)), "{name} is not in\n{all}");
    }
}

/// All these lines are among the metrics.
fn shows(metrics: &PrometheusHandle, lines: &[&str]) {
    let all = metrics.render();
    for line in lines {
        assert!(all.lines().any(|there| there == *line), "{line} is not in\n{all}");
    }
}

/// What is logged by this thread from now on, which is all that its runtime runs on.
fn logged() -> (Log, DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

async fn next(events: &mut Events) -> Event {
    timeout(LONG, events.next()).await.expect("it comes").unwrap().unwrap()
}

/// Waits until the connection is lost, and returns why.
async fn lost(events: &mut Events) -> String {
    loop {
        if let Event::Disconnected { error, .. } = next(events).await {
            return error.to_string();
        }
    }
}

#[tokio::test]
async fn connections_and_messages_are_counted_and_told() {
    let (log, _logged) = logged();
    let metrics = PrometheusBuilder::new().install_recorder().unwrap();
    let Some(redis) = require(Redis::private().await) else { return };
    let config = Config::new(redis.url()).queue_max(2);
    let multiplexer = Multiplexer::start(config.clone()).unwrap();
    let other = Multiplexer::start(config.clone()).unwrap();
    let publisher = Publisher::start(config).unwrap();
    let (channels, mut events) = multiplexer.channels().unwrap();
    let (pattern, mut fits) = other.pattern("a*").unwrap();
    channels.add("a").unwrap();
    channels.add("b").unwrap();
    for event in [next(&mut events).await, next(&mut events).await, next(&mut fits).await] {
        assert!(matches!(event, Event::Activated { .. }), "{event:?}");
    }
    for _ in 0..5 {
        assert_eq!(timeout(LONG, publisher.publish("b", "m")).await.unwrap().unwrap(), 1);
    }
    assert_eq!(timeout(LONG, publisher.publish("a", "end")).await.unwrap().unwrap(), 2);
    let end = next(&mut fits).await;
    assert!(matches!(end, Event::Message(_)), "{end:?}");
    // What was published before this is here.
    let marker = multiplexer.channels_to(|_: &[u8], _: &[u8]| {}).unwrap();
    marker.add("c").unwrap();
    timeout(LONG, marker.wait_for_activation("c")).await.unwrap().unwrap();
    let lagged = timeout(LONG, events.next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!((lagged.kind(), lagged.missed()), (ErrorKind::Lagged, Some(4)));
    shows(&metrics, &["mpx_names 4", "mpx_connected 2", "mpx_connections_total 2", "mpx_messages_total 7"]);
    shows(&metrics, &["mpx_messages_dropped_total 4", "mpx_published_total 6"]);
    begin(&metrics, &["mpx_bytes_total", "mpx_dispatch_seconds_count"]);
    begin(&metrics, &["mpx_dispatch_seconds{quantile=\"0.99\"}"]);
    let address = redis.url().trim_start_matches("redis://");
    redis.kill().unwrap();
    for lost in [lost(&mut fits).await, lost(&mut events).await] {
        assert!(lost.contains(address), "{lost}");
    }
    // Both have been told, and nobody listens at the address: each says why it has no connection.
    for error in [&multiplexer, &other].map(|it| it.error().expect("there is no connection").to_string()) {
        assert!(error.contains(address), "{error}");
    }
    redis.start_again().await.unwrap();
    timeout(LONG, channels.wait_for_activation("a")).await.unwrap().unwrap();
    timeout(LONG, pattern.wait_for_activation()).await.unwrap().unwrap();
    shows(&metrics, &["mpx_connections_lost_total 2", "mpx_connections_total 4"]);
    shows(&metrics, &["mpx_connected 2", "mpx_names 4"]);
    for it in [&multiplexer, &other] {
        assert!(it.shutdown(LONG).await);
    }
    shows(&metrics, &["mpx_connected 0", "mpx_names 0"]);
    log.tells_of_connections(address);
}
