//! Tells a channel which nodes it may use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tonic::transport::Endpoint;
use tonic::transport::channel::Change;

use super::node::Node;

/// How long a connection to a node may take.
const CONNECT: Duration = Duration::from_secs(2);

/// Keeps the channel behind `changes` at the nodes that there are, until nobody changes them any
/// more.
///
/// A channel without calls takes no changes. So none are queued: what is to be changed is found out
/// anew after each one that was taken.
pub(super) async fn feed(
    mut nodes: watch::Receiver<Arc<[Node]>>,
    changes: mpsc::Sender<Change<String, Endpoint>>,
) {
    let mut fed = BTreeSet::new();
    loop {
        let wanted = endpoints(&nodes.borrow_and_update());
        let change = next_change(&fed, &wanted);
        let Some(change) = change else {
            if nodes.changed().await.is_err() {
                return;
            }
            continue;
        };
        match &change {
            Change::Insert(address, _) => fed.insert(address.clone()),
            Change::Remove(address) => fed.remove(address),
        };
        if changes.send(change).await.is_err() {
            return;
        }
    }
}

/// Returns one step from what a channel has to what it should have; those that come are first, so
/// that it is never empty in between.
fn next_change(
    fed: &BTreeSet<String>,
    wanted: &BTreeMap<String, Endpoint>,
) -> Option<Change<String, Endpoint>> {
    let comes = wanted.iter().find(|(address, _)| !fed.contains(*address));
    let goes = || fed.iter().find(|address| !wanted.contains_key(*address));
    comes
        .map(|(address, endpoint)| Change::Insert(address.clone(), endpoint.clone()))
        .or_else(|| goes().cloned().map(Change::Remove))
}

/// Returns where the nodes serve gRPC; two that name one address are one.
fn endpoints(nodes: &[Node]) -> BTreeMap<String, Endpoint> {
    let addresses = nodes.iter().filter_map(|node| {
        let address = node.grpc_address()?;
        // What is no address was never one of a node that can be used.
        let endpoint = Endpoint::from_shared(format!("http://{address}")).ok()?;
        Some((address.to_owned(), endpoint.connect_timeout(CONNECT).tcp_nodelay(true)))
    });
    addresses.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, address: &str) -> Node {
        let mut node = Node::new(id.to_owned(), "t".to_owned());
        node.endpoints = vec![format!("http://{address}0"), format!("grpc://{address}")];
        node
    }

    #[tokio::test]
    async fn a_channel_that_takes_nothing_hears_of_the_last_state_alone() {
        let (say, nodes) =
            watch::channel(Arc::from([node("a", "h:1"), node("b", "h:1"), node("c", "no address")]));
        let (changes, mut taken) = mpsc::channel(1);
        let test = async move {
            assert!(matches!(taken.recv().await, Some(Change::Insert(address, _)) if address == "h:1"));
            say.send_replace(Arc::from([node("d", "h:2")]));
            assert!(matches!(taken.recv().await, Some(Change::Insert(address, _)) if address == "h:2"));
            assert!(matches!(taken.recv().await, Some(Change::Remove(address)) if address == "h:1"));
            drop(say);
            assert!(taken.recv().await.is_none());
        };
        tokio::join!(feed(nodes, changes), test);
    }
}
