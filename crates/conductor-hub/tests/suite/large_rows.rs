//! Large rows of messages: what takes long for one channel delays no other.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use conductor_hub::protocol::MessageRef;
use conductor_hub::{Author, Config, Connection, Deliveries, Hooks, Hub};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::support::Client;

/// Does not return for a message of the channel `slow` until it is told to.
struct Blocking {
    begun: Notify,
    go_on: Mutex<mpsc::Receiver<()>>,
}

impl Deliveries for Blocking {
    fn sent_to(&self, _author: &Author<'_>, _receiver: &Arc<Connection>, message: MessageRef<'_>) {
        if message.channel == "slow" {
            self.begun.notify_one();
            // The test has ended if nobody tells it.
            self.go_on.lock().recv_timeout(Duration::from_secs(60)).ok();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hook_that_takes_long_for_one_channel_delays_no_large_message_of_another() {
    let (done, go_on) = mpsc::channel();
    let hook = Arc::new(Blocking { begun: Notify::new(), go_on: Mutex::new(go_on) });
    let hooks = Hooks::default().deliveries(Arc::clone(&hook));
    let hub = Hub::start(Config::default(), hooks).expect("defaults are valid");
    let (_slow_reader, mut slow) = (Client::bound(&hub, "slow").await, Client::bound(&hub, "slow").await);
    let (mut reader, mut writer) = (Client::bound(&hub, "other").await, Client::bound(&hub, "other").await);
    slow.write("slow", vec![0; 40_000]).await;
    hook.begun.notified().await;
    let said = writer.write("other", vec![1; 40_000]).await;
    let heard = timeout(Duration::from_secs(20), reader.next()).await;
    done.send(()).expect("the hook waits");
    assert_eq!(heard.expect("it does not wait for the hook"), said);
    writer.settle().await;
}
