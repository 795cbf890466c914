//! Which channels of the hub have a history.

use std::sync::Arc;

use tidings::hub::protocol::MessageRef;
use tidings::hub::{Author, ChannelHistory, History, Storage};
use tidings::join::channel;

/// Keeps what is said in the channels of clients.
///
/// What the server tells in its own channels, such as inboxes, is kept by timelines and presence.
/// It would only take the place of what clients say.
pub(super) struct KeptChannels(pub(super) Arc<ChannelHistory>);

impl Storage for KeptChannels {
    fn keeps(&self, name: &str) -> bool {
        channel::may_write(name) && self.0.keeps(name)
    }

    fn store(&self, author: &Author<'_>, message: MessageRef<'_>) {
        self.0.store(author, message);
    }

    fn get(&self, name: &str, newest: usize) -> History {
        self.0.get(name, newest)
    }
}

#[cfg(test)]
mod tests {
    use tidings::hub::{Config, HistoryConfig, Hooks, Hub};

    use super::*;

    #[tokio::test]
    async fn what_the_server_tells_in_its_own_channels_is_not_kept() {
        let history = Arc::new(ChannelHistory::new(HistoryConfig::default()).unwrap());
        let hooks = Hooks::default().storage(KeptChannels(Arc::clone(&history)));
        let hub = Hub::start(Config::default(), hooks).unwrap();
        for name in [&*channel::inbox("alice"), "$presence", "room"] {
            assert_eq!(hub.publish(name, "hello").unwrap(), 0);
        }
        assert!(history.get(&channel::inbox("alice"), 1).messages.is_empty());
        assert!(history.get("$presence", 1).messages.is_empty());
        assert_eq!(hub.history("room", 1).messages[0].body, "hello");
    }
}
