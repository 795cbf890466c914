//! A lifecycle hook that says what it hears.

use std::sync::Arc;

use conductor_hub::{Connection, Disconnect, Lifecycle};
use tokio::sync::mpsc;

/// What a lifecycle hook heard of, in words.
pub(crate) struct Heard(mpsc::Sender<String>);

impl Heard {
    pub(crate) fn new() -> (Arc<Self>, mpsc::Receiver<String>) {
        let (sender, receiver) = mpsc::channel(1_000);
        (Arc::new(Self(sender)), receiver)
    }

    fn say(&self, connection: &Connection, what: &str) {
        let name = connection.user().unwrap_or("nobody");
        self.0.try_send(format!("{name} {what}")).expect("the test listens");
    }
}

#[async_trait::async_trait]
impl Lifecycle for Heard {
    async fn connected(&self, connection: &Arc<Connection>) {
        self.say(connection, "connected");
    }

    async fn alive(&self, connection: &Arc<Connection>) {
        self.say(connection, "alive");
    }

    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect) {
        self.say(connection, &format!("disconnected {}", reason.code()));
    }

    fn bound(&self, connection: &Arc<Connection>, channel: &str) {
        self.say(connection, &format!("bound {channel}"));
    }

    fn unbound(&self, connection: &Arc<Connection>, channel: &str) {
        self.say(connection, &format!("unbound {channel}"));
    }
}
