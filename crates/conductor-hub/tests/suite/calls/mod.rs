//! Calls whose answers wait: in order for each connection, bounded, and to the end.

mod answers;
mod ends;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_hub::calls::{AsyncHandler, CallQueue, Config};
use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Answer, Connection, Hooks, Hub};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use crate::support::Client;

/// A time that only a hang reaches.
const PATIENCE: Duration = Duration::from_secs(60);

/// Says which calls it begins, and ends each when there is a permit for it.
struct Gate {
    begun: mpsc::Sender<String>,
    permits: Arc<Semaphore>,
}

/// The gate as a test sees it.
struct Keeper {
    begun: mpsc::Receiver<String>,
    permits: Arc<Semaphore>,
}

fn gate() -> (Gate, Keeper) {
    let (sender, begun) = mpsc::channel(1_000);
    let permits = Arc::new(Semaphore::new(0));
    (Gate { begun: sender, permits: Arc::clone(&permits) }, Keeper { begun, permits })
}

impl Keeper {
    /// Returns the body of the call that is begun next.
    async fn begun(&mut self) -> String {
        timeout(PATIENCE, self.begun.recv()).await.expect("a call is begun in time").expect("the gate stands")
    }

    fn nothing_more_is_begun(&mut self) -> bool {
        self.begun.try_recv().is_err()
    }
}

#[async_trait]
impl AsyncHandler for Gate {
    async fn call(&self, _connection: &Arc<Connection>, call: Message) -> Answer {
        let body = String::from_utf8_lossy(&call.body).into_owned();
        self.begun.try_send(body.clone()).expect("the test listens");
        assert_ne!(body, "panic", "a test wants it");
        self.permits.acquire().await.expect("it is open").forget();
        Message::with_uuid(Opcode::SERVER, call.uuid, "", body).into()
    }
}

fn hub(config: Config) -> (Hub, CallQueue) {
    let queue = CallQueue::new(config).expect("the settings are valid");
    let hooks = Hooks::default().calls(queue.clone());
    (Hub::start(Default::default(), hooks).expect("the defaults are valid"), queue)
}

impl Client {
    /// Calls, and returns the uuid of the call.
    async fn call(&mut self, body: &str) -> String {
        let call = Message::new(Opcode::SERVER, "", body.to_owned());
        self.send(&call).await;
        call.uuid
    }

    async fn is_answered(&mut self, uuid: String, body: &str) {
        assert_eq!(self.next().await, Message::with_uuid(Opcode::SERVER, uuid, "", body.to_owned()));
    }
}

/// Never answers.
struct Never;

#[async_trait]
impl AsyncHandler for Never {
    async fn call(&self, _connection: &Arc<Connection>, _call: Message) -> Answer {
        pending().await
    }
}
