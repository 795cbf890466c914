//! A lifecycle hook that says what it hears.

use std::sync::Arc;

use conductor_hub::{BindCause, Connection, Disconnect, Lifecycle};
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

    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect, channels: &[Arc<str>]) {
        let mut channels: Vec<_> = channels.iter().map(|channel| format!(" {channel}")).collect();
        channels.sort_unstable();
        self.say(connection, &format!("disconnected {}{}", reason.code(), channels.concat()));
    }

    fn bound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {
        self.say(connection, &format!("bound {channel} ({cause:?})"));
    }

    fn unbound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {
        self.say(connection, &format!("unbound {channel} ({cause:?})"));
    }
}
