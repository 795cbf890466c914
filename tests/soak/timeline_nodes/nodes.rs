//! The nodes of the store, any of which does any call.

use std::sync::Arc;

use fastrand::Rng;
use parking_lot::RwLock;

use crate::fault::Fault;
use crate::node_process::NodeProcess;
use crate::place::Place;
use crate::users::NODES;

/// The nodes, of which one may be dead or stand still.
pub(crate) struct Nodes {
    place: Place,
    nodes: Vec<RwLock<Arc<NodeProcess>>>,
}

impl Nodes {
    pub(crate) async fn start(place: Place, rng: &mut Rng) -> Result<Self, Fault> {
        let mut nodes = Vec::with_capacity(NODES);
        for number in 0..NODES {
            let node = NodeProcess::start(&place_of(&place, number), clock(rng)).await?;
            nodes.push(RwLock::new(Arc::new(node)));
        }
        Ok(Self { place, nodes })
    }

    /// Returns one of them.
    pub(crate) fn any(&self, rng: &mut Rng) -> Arc<NodeProcess> {
        self.node(rng.usize(0..self.nodes.len()))
    }

    /// Returns the one with a number.
    pub(crate) fn node(&self, number: usize) -> Arc<NodeProcess> {
        Arc::clone(&self.nodes[number].read())
    }

    /// Kills one; another one has to be started in its place.
    pub(crate) async fn kill(&self, number: usize) -> Result<(), Fault> {
        self.node(number).kill().await
    }

    /// Starts another one in place of one that was killed, with another clock.
    pub(crate) async fn start_again(&self, number: usize, rng: &mut Rng) -> Result<(), Fault> {
        let node = Arc::new(NodeProcess::start(&place_of(&self.place, number), clock(rng)).await?);
        *self.nodes[number].write() = node;
        Ok(())
    }

    /// Fails if any of them has ended by itself.
    pub(crate) async fn check(&self) -> Result<(), Fault> {
        for number in 0..self.nodes.len() {
            self.node(number).check().await.map_err(|fault| format!("node {number}: {fault}"))?;
        }
        Ok(())
    }
}

/// Returns where a node is: the first one reads histories from secondaries.
fn place_of(place: &Place, number: usize) -> Place {
    Place { from_secondaries: number == 0, ..place.clone() }
}

/// Returns by how much the clock of a node is ahead of the machine's, or behind.
fn clock(rng: &mut Rng) -> i64 {
    rng.i64(-APART_MS..=APART_MS)
}

/// How wrong the clock of a node may be: an hour.
const APART_MS: i64 = 3_600_000;
