//! The lifecycle hook that asks once more whether a login still counts.

use std::sync::Arc;

use async_trait::async_trait;
use tidings::hub::{BindCause, Connection, Disconnect, Lifecycle};
use tidings::identity::Revocations;

use super::close_if_revoked;
use crate::clock;

/// Closes a connection that comes with a login which was revoked while it was admitted, of which
/// nothing is passed on, and passes on everything else.
///
/// A client is verified before it is in the hub, and any time may pass in between: the client may
/// take its time to read the answer to the handshake. Whichever comes first, one of two closes it:
///
/// ```text
/// follower    A the list changes ──► B goes through the connections of the hub
/// connection  C is in the hub    ──► D this hook asks the list
/// ```
///
/// If B does not find the connection, C came after that, so D came after A and sees the change. If
/// D does not see the change, A came after that, so B came after C and finds the connection. The
/// identity is there since before C.
#[derive(Debug)]
pub(crate) struct Guarded<L> {
    list: Revocations,
    inner: L,
}

/// What a connection has that came too late: nobody hears of it.
struct CameTooLate;

impl<L: Lifecycle> Guarded<L> {
    /// Puts itself before another hook.
    pub(crate) fn new(list: Revocations, inner: L) -> Self {
        Self { list, inner }
    }

    /// Returns the other hook, unless it is not to hear of this connection.
    fn inner_for(&self, connection: &Connection) -> Option<&L> {
        connection.data().get::<CameTooLate>().is_none().then_some(&self.inner)
    }
}

#[async_trait]
impl<L: Lifecycle> Lifecycle for Guarded<L> {
    async fn connected(&self, connection: &Arc<Connection>) {
        if close_if_revoked(connection, &self.list, clock::now()) {
            // Otherwise its user would be online for a moment, which everybody would be told.
            connection.data().insert(CameTooLate);
            return;
        }
        self.inner.connected(connection).await;
    }

    async fn alive(&self, connection: &Arc<Connection>) {
        if let Some(inner) = self.inner_for(connection) {
            inner.alive(connection).await;
        }
    }

    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect, channels: &[Arc<str>]) {
        if let Some(inner) = self.inner_for(connection) {
            inner.disconnected(connection, reason, channels).await;
        }
    }

    fn bound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {
        if let Some(inner) = self.inner_for(connection) {
            inner.bound(connection, channel, cause);
        }
    }

    fn unbound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {
        if let Some(inner) = self.inner_for(connection) {
            inner.unbound(connection, channel, cause);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use bytes::Bytes;
    use tidings::hub::{Admission, Config, Hooks, Hub};
    use tidings::identity::Identity;
    use tokio::io::{AsyncReadExt as _, duplex};
    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::*;
    use crate::revocation::follow;
    use crate::supervisor::Supervisor;

    /// Tells who ended, and why, and counts those who have come.
    struct Ends(mpsc::Sender<(Option<String>, Disconnect)>, Arc<AtomicUsize>);

    #[async_trait]
    impl Lifecycle for Ends {
        async fn connected(&self, _: &Arc<Connection>) {
            self.1.fetch_add(1, Ordering::SeqCst);
        }

        async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect, _: &[Arc<str>]) {
            self.0.send((connection.user().map(str::to_owned), reason)).await.unwrap();
        }
    }

    struct Scene {
        hub: Hub,
        list: Revocations,
        supervisor: Supervisor,
        ends: mpsc::Receiver<(Option<String>, Disconnect)>,
        connected: Arc<AtomicUsize>,
    }

    impl Scene {
        fn new() -> Self {
            let (ended, ends) = mpsc::channel(10);
            let (list, connected) = (crate::revocation::list().unwrap(), Arc::<AtomicUsize>::default());
            let heard = Ends(ended, Arc::clone(&connected));
            let hooks = Hooks::default().lifecycle(Guarded::new(list.clone(), heard));
            let hub = Hub::start(Config::default(), hooks).unwrap();
            Self { hub, list, supervisor: Supervisor::new(), ends, connected }
        }

        /// A user whose token was verified, and who is not in the hub before the task runs.
        fn connect(&self, user: &str) -> tokio::io::DuplexStream {
            let (client, server) = duplex(1_024);
            let identity = Identity::new(user, clock::now() + Duration::from_secs(3_600)).unwrap();
            let served = self.hub.serve(server, Admission::user(user).data(identity), Bytes::new());
            self.supervisor.tasks().spawn(async move { served.await.unwrap() });
            client
        }

        /// Waits until the hook has passed on so many, whom from then on the follower alone closes.
        async fn come(&self, count: usize) {
            while self.connected.load(Ordering::SeqCst) < count {
                tokio::task::yield_now().await;
            }
        }

        async fn end(&mut self) -> (String, Disconnect) {
            let end = timeout(Duration::from_secs(60), self.ends.recv()).await;
            let (user, reason) = end.expect("somebody is disconnected").unwrap();
            (user.unwrap(), reason)
        }
    }

    #[tokio::test]
    async fn who_is_connected_when_the_login_is_revoked_is_closed_and_nobody_else() {
        let mut scene = Scene::new();
        follow(&scene.hub, &scene.list, None, &scene.supervisor);
        let _clients = [scene.connect("alice"), scene.connect("bob"), scene.connect("carol")];
        scene.come(3).await;
        scene.list.revoke_user("bob", clock::now()).unwrap();
        assert_eq!(scene.end().await, ("bob".to_owned(), Disconnect::Revoked));
        scene.list.revoke_user("alice", clock::now()).unwrap();
        assert_eq!(scene.end().await, ("alice".to_owned(), Disconnect::Revoked));
        assert_eq!(scene.hub.connections_of("carol").len(), 1);
    }

    #[tokio::test]
    async fn who_was_admitted_before_the_revocation_and_comes_after_the_pass_is_closed_and_never_online() {
        let mut scene = Scene::new();
        // Nobody follows here, which is a pass that came before the connection was in the hub.
        let mut client = scene.connect("bob");
        assert_eq!(scene.hub.connections().count(), 0);
        scene.list.revoke_user("bob", clock::now()).unwrap();
        let mut goodbye = [0; 4];
        let read = timeout(Duration::from_secs(60), client.read_exact(&mut goodbye)).await;
        read.expect("it is closed").unwrap();
        // A close frame, which begins with its code.
        assert_eq!(goodbye[0], 0x88);
        assert_eq!(u16::from_be_bytes([goodbye[2], goodbye[3]]), Disconnect::Revoked.code());
        drop(client);
        scene.supervisor.tasks().close();
        scene.supervisor.tasks().wait().await;
        assert!(scene.ends.try_recv().is_err(), "nobody hears of an end without a beginning");
        assert_eq!(scene.connected.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn who_was_in_the_hub_before_the_follower_is_closed_by_its_first_pass() {
        let mut scene = Scene::new();
        let _client = scene.connect("bob");
        scene.come(1).await;
        // The follower begins when the change is over.
        scene.list.revoke_user("bob", clock::now()).unwrap();
        follow(&scene.hub, &scene.list, None, &scene.supervisor);
        assert_eq!(scene.end().await, ("bob".to_owned(), Disconnect::Revoked));
    }
}
