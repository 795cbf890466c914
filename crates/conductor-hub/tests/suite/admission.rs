//! What the auth hook is asked, for how long, and for how many clients at once.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{Admission, Auth, Config, Connection, Denied, Handshake, Hooks, Hub};
use futures_util::FutureExt;
use http::StatusCode;
use tokio::time::Instant;

use crate::support::{Client, request};

/// Denies everybody with 401, but never decides about those who ask for `/frozen`.
///
/// It counts those about whom it is being asked.
#[derive(Clone, Default)]
struct Freezes(Arc<AtomicUsize>);

struct Asked(Arc<AtomicUsize>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Freezes {
    fn hub(change: impl FnOnce(Config) -> Config) -> (Hub, Self) {
        let freezes = Self::default();
        let hooks = Hooks::default().auth(freezes.clone());
        (Hub::start(change(Config::default()), hooks).expect("configuration is valid"), freezes)
    }

    fn asked(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Auth for Freezes {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let _asked = Asked(Arc::clone(&self.0));
        if handshake.request.uri.path() == "/frozen" {
            pending::<()>().await;
        }
        Err(Denied::unauthorized())
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_decided_about_in_time_is_refused_and_may_come_again() {
    let (hub, freezes) = Freezes::hub(|config| config.admit_timeout(Duration::from_secs(3)));
    let start = Instant::now();
    let answer = hub.handle(request::handshake("/frozen")).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(freezes.asked(), 0, "the hook is dropped at what it waits for");
}

#[tokio::test(start_paused = true)]
async fn a_frozen_admission_keeps_nobody_else_out() {
    let (hub, freezes) = Freezes::hub(|config| config);
    let mut frozen = pin!(hub.handle(request::handshake("/frozen")));
    assert!(frozen.as_mut().now_or_never().is_none() && freezes.asked() == 1);
    let start = Instant::now();
    let other = hub.handle(request::handshake("/")).await;
    assert_eq!((other.status(), start.elapsed()), (StatusCode::UNAUTHORIZED, Duration::ZERO));
    assert_eq!(frozen.await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn beyond_its_bound_nobody_is_asked_about_until_somebody_is_decided_about() {
    let (hub, freezes) = Freezes::hub(|config| config.admissions_max(2));
    let mut first = Box::pin(hub.handle(request::handshake("/frozen")));
    let mut second = pin!(hub.handle(request::handshake("/frozen")));
    assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
    let refused = hub.handle(request::handshake("/")).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(freezes.asked(), 2);
    // Its client has gone away.
    drop(first);
    assert_eq!(hub.handle(request::handshake("/")).await.status(), StatusCode::UNAUTHORIZED);
}

/// Says when to come again.
struct Later(Duration);

#[async_trait]
impl Auth for Later {
    async fn admit(&self, _: &Handshake<'_>) -> Result<Admission, Denied> {
        let denied = Denied::new(StatusCode::TOO_MANY_REQUESTS, "too many connections");
        Err(denied.retry_after(self.0))
    }
}

#[tokio::test]
async fn a_denial_may_say_when_to_come_again() {
    // A second that has begun counts whole.
    for (time, seconds) in [(Duration::from_millis(2_500), "3"), (Duration::MAX, "18446744073709551615")] {
        let hooks = Hooks::default().auth(Later(time));
        let hub = Hub::start(Config::default(), hooks).expect("defaults are valid");
        let denied = hub.handle(request::handshake("/")).await;
        assert_eq!(
            (denied.status(), denied.body().as_str()),
            (StatusCode::TOO_MANY_REQUESTS, "too many connections")
        );
        assert_eq!(denied.headers()["retry-after"], seconds);
    }
}

/// Judges by what only the whole message shows.
struct Reads;

impl Auth for Reads {
    fn can_bind(&self, _: &Connection, message: MessageRef<'_>) -> bool {
        message.opcode == Opcode::BIND && message.body == b"please"
    }

    fn can_write(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
        let is_fine = message.body != b"rude" && message.uuid != "twice";
        is_fine && message.opcode != Opcode::STREAM_START && connection.is_bound(message.channel)
    }
}

#[tokio::test]
async fn binds_and_writes_are_decided_by_the_whole_message() {
    let hub = Hub::start(Config::default(), Hooks::default().auth(Reads)).expect("defaults are valid");
    let mut alice = Client::connect(&hub).await;
    let mut bob = Client::connect(&hub).await;
    for client in [&mut alice, &mut bob] {
        client.send(&Message::new(Opcode::BIND, "closed", "now")).await;
        client.send(&Message::new(Opcode::BIND, "hello", "please")).await;
        client.settle().await;
    }
    assert_eq!((hub.members("closed"), hub.members("hello")), (0, 2));
    alice.write("hello", "rude").await;
    alice.send(&Message::with_uuid(Opcode::WRITE, "twice", "hello", "hi")).await;
    alice.send(&Message::new(Opcode::STREAM_START, "hello", "")).await;
    let polite = alice.write("hello", "hi").await;
    assert_eq!(bob.next().await, polite, "nothing of the others came before");
}
