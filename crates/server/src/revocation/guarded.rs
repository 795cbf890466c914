//! The lifecycle hook that asks once more whether a login still counts.

use std::sync::Arc;

use async_trait::async_trait;
use tidings::hub::{BindCause, Connection, Disconnect, Lifecycle};
use tidings::identity::Revocations;

use super::close_if_revoked;
use crate::clock;

/// Closes a connection that comes with a login which was revoked while it was admitted, and passes
/// everything on.
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

impl<L: Lifecycle> Guarded<L> {
    /// Puts itself before another hook.
    pub(crate) fn new(list: Revocations, inner: L) -> Self {
        Self { list, inner }
    }
}

#[async_trait]
impl<L: Lifecycle> Lifecycle for Guarded<L> {
    async fn connected(&self, connection: &Arc<Connection>) {
        close_if_revoked(connection, &self.list, clock::now());
        // Also of one that is being closed: it hears of the end, too.
        self.inner.connected(connection).await;
    }

    async fn alive(&self, connection: &Arc<Connection>) {
        self.inner.alive(connection).await;
    }

    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect, channels: &[Arc<str>]) {
        self.inner.disconnected(connection, reason, channels).await;
    }

    fn bound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {
        self.inner.bound(connection, channel, cause);
    }

    fn unbound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {
        self.inner.unbound(connection, channel, cause);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use tidings::hub::{Admission, Config, Hooks, Hub};
    use tidings::identity::Identity;
    use tokio::io::duplex;
    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::*;
    use crate::revocation::follow;
    use crate::supervisor::Supervisor;

    /// Tells who ended, and why.
    struct Ends(mpsc::Sender<(Option<String>, Disconnect)>);

    #[async_trait]
    impl Lifecycle for Ends {
        async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect, _: &[Arc<str>]) {
            self.0.send((connection.user().map(str::to_owned), reason)).await.unwrap();
        }
    }

    struct Scene {
        hub: Hub,
        list: Revocations,
        supervisor: Supervisor,
        ends: mpsc::Receiver<(Option<String>, Disconnect)>,
    }

    impl Scene {
        fn new() -> Self {
            let (ended, ends) = mpsc::channel(10);
            let list = crate::revocation::list().unwrap();
            let hooks = Hooks::default().lifecycle(Guarded::new(list.clone(), Ends(ended)));
            let hub = Hub::start(Config::default(), hooks).unwrap();
            Self { hub, list, supervisor: Supervisor::new(), ends }
        }

        /// A user whose token was verified, and who is not in the hub before the task runs.
        fn connect(&self, user: &str) -> tokio::io::DuplexStream {
            let (client, server) = duplex(1_024);
            let identity = Identity::new(user, clock::now() + Duration::from_secs(3_600)).unwrap();
            let served = self.hub.serve(server, Admission::user(user).data(identity), Bytes::new());
            self.supervisor.tasks().spawn(async move { served.await.unwrap() });
            client
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
        follow(&scene.hub, &scene.list, &scene.supervisor);
        let _clients = [scene.connect("alice"), scene.connect("bob"), scene.connect("carol")];
        while scene.hub.connections().count() < 3 {
            tokio::task::yield_now().await;
        }
        scene.list.revoke_user("bob", clock::now()).unwrap();
        assert_eq!(scene.end().await, ("bob".to_owned(), Disconnect::Revoked));
        scene.list.revoke_user("alice", clock::now()).unwrap();
        assert_eq!(scene.end().await, ("alice".to_owned(), Disconnect::Revoked));
        assert_eq!(scene.hub.connections_of("carol").len(), 1);
    }

    #[tokio::test]
    async fn who_was_admitted_before_the_revocation_and_comes_after_the_pass_is_closed() {
        let mut scene = Scene::new();
        // Nobody follows here, which is a pass that came before the connection was in the hub.
        let _client = scene.connect("bob");
        assert_eq!(scene.hub.connections().count(), 0);
        scene.list.revoke_user("bob", clock::now()).unwrap();
        assert_eq!(scene.end().await, ("bob".to_owned(), Disconnect::Revoked));
    }

    #[tokio::test]
    async fn who_was_in_the_hub_before_the_follower_is_closed_by_its_first_pass() {
        let mut scene = Scene::new();
        let _client = scene.connect("bob");
        while scene.hub.connections().count() < 1 {
            tokio::task::yield_now().await;
        }
        // The hook has asked by now or asks later; the follower begins when the change is over.
        scene.list.revoke_user("bob", clock::now()).unwrap();
        follow(&scene.hub, &scene.list, &scene.supervisor);
        assert_eq!(scene.end().await, ("bob".to_owned(), Disconnect::Revoked));
    }
}
