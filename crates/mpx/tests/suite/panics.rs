//! Somebody else's code that panics in a task: connections are made again, and who is concerned is
//! told.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use mpx::{Config, ErrorKind, Event, Multiplexer, Publisher, ShardedMultiplexer};
use test_support::{Redis, RedisCluster, require};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::direct::Direct;
use crate::listener::{Listener, soon, until};

const LONG: Duration = Duration::from_secs(60);

/// What panics once, if it is told to.
#[derive(Clone, Default)]
struct Trap {
    connecting: Arc<AtomicBool>,
    reading: Arc<AtomicBool>,
}

/// A connection that panics when it has read something.
struct Trapped {
    socket: TcpStream,
    trap: Trap,
}

impl Trap {
    async fn connect(self, port: u16) -> io::Result<Trapped> {
        assert!(!self.connecting.swap(false, Ordering::SeqCst), "the test wants it");
        Ok(Trapped { socket: TcpStream::connect(("127.0.0.1", port)).await?, trap: self })
    }

    fn config(&self, port: u16) -> Config {
        let trap = self.clone();
        Config::from_connect(move || trap.clone().connect(port))
    }
}

impl AsyncRead for Trapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.socket).poll_read(context, buffer));
        assert!(!self.trap.reading.swap(false, Ordering::SeqCst), "the test wants it");
        Poll::Ready(read)
    }
}

impl AsyncWrite for Trapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[tokio::test]
async fn a_connection_that_panics_is_lost_and_made_again() {
    let Some(redis) = require(Redis::private().await) else { return };
    let trap = Trap::default();
    trap.connecting.store(true, Ordering::SeqCst);
    let multiplexer = Multiplexer::start(trap.config(redis.port())).unwrap();
    let (_subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    let mut direct = Direct::open(redis.url()).await;
    for _ in 0..3 {
        trap.reading.store(true, Ordering::SeqCst);
        direct.publish("a", "what the panic takes").await;
        listener.disconnected(&["a"]).await;
        listener.activated(&["a"]).await;
        direct.publish("a", "m").await;
        listener.message("a", "m").await;
    }
    assert!(soon(multiplexer.shutdown(LONG)).await);
    listener.ended(None).await;
}

#[tokio::test]
async fn a_publisher_says_what_a_panic_cut_short_and_goes_on() {
    let Some(redis) = require(Redis::private().await) else { return };
    let trap = Trap::default();
    trap.connecting.store(true, Ordering::SeqCst);
    let publisher = Publisher::start(trap.config(redis.port())).unwrap();
    until(async || publisher.publish("a", "m").await.ok()).await;
    trap.reading.store(true, Ordering::SeqCst);
    let error = soon(publisher.publish("a", "m")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Uncertain, "{error}");
    until(async || publisher.publish("a", "m").await.ok()).await;
    assert!(soon(publisher.shutdown(LONG)).await);
}

#[tokio::test]
async fn a_cluster_whose_map_cannot_be_fetched_for_a_panic_is_followed_later() {
    let Some(cluster) = require(RedisCluster::start(3).await) else { return };
    let trap = Trap::default();
    trap.connecting.store(true, Ordering::SeqCst);
    let connect = trap.clone();
    let config = Config::from_connect_node("127.0.0.1", cluster.node(0).port(), move |_: String, port| {
        connect.clone().connect(port)
    });
    let multiplexer = ShardedMultiplexer::start(config).unwrap();
    let error = until(async || multiplexer.error()).await;
    assert!(error.kind() == ErrorKind::Unavailable && error.to_string().contains("panicked"), "{error}");
    let (subscription, events) = multiplexer.channels().unwrap();
    let mut listener = Listener::new(events);
    subscription.add("a").unwrap();
    listener.activated(&["a"]).await;
    let holder = cluster.holder(crate::cluster::slot("a")).await.unwrap();
    let mut direct = Direct::open(cluster.node(holder).url()).await;
    // Whoever reads next panics, which may be the one that fetches the map.
    let lost = loop {
        trap.reading.store(true, Ordering::SeqCst);
        direct.spublish("a", "m").await;
        match listener.next().await {
            Event::Message(_) => {}
            other => break other,
        }
    };
    assert!(matches!(lost, Event::Disconnected { .. }), "{lost:?}");
    trap.reading.store(false, Ordering::SeqCst);
    listener.activated(&["a"]).await;
    direct.spublish("a", "again").await;
    listener.message("a", "again").await;
    assert!(soon(multiplexer.shutdown(LONG)).await);
}
