use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::io::AsyncReadExt;

use super::*;
use crate::{Admission, Config, Hooks, Lifecycle};

#[derive(Default)]
struct Ends(Mutex<Vec<Disconnect>>);

#[async_trait]
impl Lifecycle for Ends {
    async fn disconnected(&self, _: &Arc<Connection>, reason: Disconnect, _: &[Arc<str>]) {
        self.0.lock().push(reason);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_task_itself_ends_the_connection_like_any_other() {
    // Not checked: the first judgement after a ping adds up to more than there is of time.
    let config = Config::default().pong_timeout(Duration::MAX);
    let ends = Arc::new(Ends::default());
    let hub = Arc::new(Shared::new(config, Hooks::default().lifecycle(Arc::clone(&ends))));
    let (socket, mut client) = tokio::io::duplex(1_024);
    let (permit, mut received) = (Shared::reserve(&hub).unwrap(), Vec::new());
    let admitted = Admitted::new(hub.next_id(), Admission::default().bound_to("hello"));
    let (read, ()) =
        tokio::join!(client.read_to_end(&mut received), serve(socket, permit, admitted, Bytes::new()));
    read.unwrap();
    let code = 1_011_u16.to_be_bytes();
    assert!(received.windows(4).any(|frame| frame[0] == 0x88 && frame[2..] == code), "{received:?}");
    assert_eq!(*ends.0.lock(), [Disconnect::InternalError]);
    assert!(hub.registry.channel("hello").is_none() && hub.registry.all_connections().next().is_none());
}
