//! What the tests have in common: waits for what is to come, with a limit for what hangs.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use timeline::etcd::{Node, Registration, RegistrationConfig, RegistrationState, Resolver, Servers};
use tokio::sync::watch;
use tokio::time::timeout;

/// For what hangs for good where it fails.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// How long a key outlives its process.
pub(crate) const LEASE: Duration = Duration::from_secs(15);
/// What etcd may be late in removing a key, and this machine in seeing it.
pub(crate) const LATE: Duration = Duration::from_secs(2);

pub(crate) const ENDPOINT: &str = "grpc://127.0.0.1:9000";

/// The registration of a node called `id`.
pub(crate) fn config<S: Into<String>>(urls: impl IntoIterator<Item = S>, id: &str) -> RegistrationConfig {
    RegistrationConfig::new(Servers::new(urls), [ENDPOINT]).id(id)
}

pub(crate) fn key(id: &str) -> String {
    format!("/microservices/go-timeline/{id}")
}

/// Waits until a state is as wanted, and returns it.
pub(crate) async fn becomes<S: Clone + Debug>(
    mut states: watch::Receiver<S>,
    wanted: impl FnMut(&S) -> bool,
) -> S {
    let seen = states.clone();
    match timeout(LIMIT, states.wait_for(wanted)).await {
        Ok(state) => state.unwrap().clone(),
        Err(_elapsed) => panic!("it stays {:?}", seen.borrow()),
    }
}

pub(crate) async fn registered(registration: &Registration) {
    becomes(registration.state(), |state| *state == RegistrationState::Registered).await;
}

/// Returns why it is not registered, once it is not.
pub(crate) async fn unregistered(registration: &Registration) -> String {
    let is_away = |state: &RegistrationState| matches!(state, RegistrationState::Unregistered { .. });
    becomes(registration.state(), is_away).await.to_string()
}

/// Waits until the ids of the nodes are these, in their order.
pub(crate) async fn nodes_become(resolver: &Resolver, ids: &[&str]) {
    let are = |nodes: &Arc<[Node]>| nodes.iter().map(|node| &*node.id).eq(ids.iter().copied());
    becomes(resolver.nodes(), are).await;
}
