//! The wait for a Redis that is away when a server with shared timelines starts.
//!
//! ```text
//!  ports, data directory ──► is Redis there? ── yes ──► presence, revocations, hub, timelines
//!                              │      ▲
//!                              └─ no ─┴ 503 at the HTTP port, asked again every 5 s at the latest
//! ```
//!
//! Nobody is admitted meanwhile: without presence nobody can come online, and without revocations
//! it is not known who was sent away.

use std::pin::pin;
use std::time::Duration;

use redis_link::{Error, ErrorKind, Link, LinkConfig};
use tidings::hub::server::Tls;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::{self, Config, PresenceStore, RedisUrl};
use crate::health::{self, Condition, Health};
use crate::listen::{BodyMemory, ConnectionPermits, LimitedListener, Timeouts};
use crate::{http, random, telemetry};

/// The longest wait before the second look; it grows to [`EVERY`].
const AGAIN: Duration = Duration::from_millis(500);

/// The longest wait between two looks.
const EVERY: Duration = Duration::from_secs(5);

/// How long the link of a look, and who asks when the wait is over, have to end.
const GRACE: Duration = Duration::from_secs(1);

/// Waits until the Redis is there without which nobody can be admitted; returns the HTTP port.
///
/// Whatever else is wrong with it, those who need it say at once.
///
/// # Errors
///
/// The HTTP port cannot be answered at meanwhile.
pub(crate) async fn wait(
    config: &Config,
    port: TcpListener,
    tls: Option<Tls>,
) -> anyhow::Result<TcpListener> {
    let Some(url) = needed(config) else { return Ok(port) };
    let Some(why) = is_away(config, url).await else { return Ok(port) };
    tracing::error!("{why}; /readyz answers 503 and nobody is admitted until it is there");
    let (began, stop) = (Instant::now(), CancellationToken::new());
    let (port, meanwhile) = twice(port)?;
    {
        let mut answering = pin!(answer(config, meanwhile, tls, &why, stop.clone()));
        let has_ended = tokio::select! {
            () = &mut answering => true,
            () = there(config, url) => false,
        };
        stop.cancel();
        if !has_ended && timeout(GRACE, answering).await.is_err() {
            tracing::debug!("somebody who asked for the health of the server has not ended yet");
        }
    }
    tracing::warn!(lasted = ?began.elapsed(), "redis at {url} is there; the server starts");
    Ok(port)
}

/// Returns the Redis without which nobody can be admitted where the timelines are shared.
fn needed(config: &Config) -> Option<&RedisUrl> {
    let is_needed = config.presence == PresenceStore::Redis || config.logins.are_configured();
    config.redis_url.as_ref().filter(|_| config.timeline.is_shared() && is_needed)
}

/// Looks again and again until Redis is there.
async fn there(config: &Config, url: &RedisUrl) {
    let mut failures = 1;
    loop {
        sleep(random::wait(failures, AGAIN, EVERY)).await;
        let Some(why) = is_away(config, url).await else { return };
        tracing::debug!("{why}");
        failures = failures.saturating_add(1);
    }
}

/// Returns why nobody can use the Redis now, if that may be over by itself.
async fn is_away(config: &Config, url: &RedisUrl) -> Option<String> {
    let error = look(config, url).await.err().filter(|error| error.kind() == ErrorKind::Unavailable)?;
    let why = format!("{error:#}").replace('\n', " ");
    Some(format!("--redis-url: {url} is away: {}", config::hidden_in_error(&why, url.expose())))
}

async fn look(config: &Config, url: &RedisUrl) -> Result<(), Error> {
    let settings = LinkConfig::new(url.expose());
    let settings = settings.timeout(config.redis_timeout).connect_timeout(config.redis_timeout);
    // Boxed, as a start is large and there is one.
    let link = Box::pin(Link::start(settings)).await?;
    // One that still loads its data can be connected to.
    let answer = Box::pin(link.query(&config.redis_prefix, &redis::cmd("PING"))).await;
    // What does not end in time ends by itself.
    link.shutdown(GRACE).await;
    answer.map(drop)
}

/// Returns a listener and another one of the same port.
fn twice(port: TcpListener) -> anyhow::Result<(TcpListener, TcpListener)> {
    let port = port.into_std()?;
    let other = port.try_clone()?;
    Ok((TcpListener::from_std(port)?, TcpListener::from_std(other)?))
}

/// Answers that the server is not ready, until the stop.
async fn answer(config: &Config, port: TcpListener, tls: Option<Tls>, why: &str, stop: CancellationToken) {
    let health = Health::default();
    let parts = [
        (health::PRESENCE, config.presence == PresenceStore::Redis),
        (health::REVOCATIONS, config.logins.are_configured()),
    ];
    for (part, _) in parts.into_iter().filter(|(_, needs_redis)| *needs_redis) {
        // What the part will say of itself is not known yet, and nothing follows this.
        let state = watch::channel(Condition::Down(why.into())).1;
        drop(health.clone().follow(part, state, Condition::clone, stop.clone()));
    }
    let (patience, bodies) =
        (Timeouts { handshake: None, answer: config.request_time }, BodyMemory::new(config.body_bytes));
    let permits =
        ConnectionPermits::new(config.http_connections, patience, bodies, telemetry::connections().http);
    let door = LimitedListener::new(port, permits.clone(), config.request_time);
    let serving = http::serve(door, tls, http::starting(health), config.request_time, stop.clone());
    tokio::join!(serving, permits.watch(stop));
}
