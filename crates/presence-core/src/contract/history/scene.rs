//! What a history is played on: a world and the actions on its names.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::explain::What;
use super::model::{Act, Kind, NAMES};
use crate::error::Error;
use crate::event::Since;
use crate::position::Position;

/// The calls about names of one kind.
pub(super) trait Scene: Kind {
    /// What is known of a world that has such names.
    type World: ?Sized + 'static;
    type Node: Clone;

    async fn node(world: &Self::World) -> Self::Node;

    /// Does something, and returns whether the names were there, if the call says so.
    async fn act(node: &Self::Node, names: &[usize], act: Act) -> Option<bool>;

    /// Opens the stream in which a name comes, and returns what it gives of the names of that
    /// stream.
    async fn stream(
        node: &Self::Node,
        stream: usize,
        since: Since,
    ) -> BoxStream<'static, Result<Told, Error>>;

    /// How many streams there are; name `n` is in stream `n % STREAMS`.
    const STREAMS: usize;

    /// Reads who is there, in every way there is.
    async fn look(node: &Self::Node) -> Look;
}

/// What was read.
#[derive(Debug)]
pub(super) struct Look {
    /// What each name shows, by way of reading.
    pub(super) ways: Vec<(&'static str, Vec<Option<u8>>)>,
    /// How many are there.
    pub(super) count: u64,
}

/// An item of a stream.
#[derive(Debug)]
pub(super) enum Told {
    Present(usize, Option<u8>),
    Synced,
    Change(usize, What, Position),
}

/// Brings a snapshot together.
pub(super) async fn snapshot<S: Scene>(node: &S::Node, stream: usize) -> Vec<Option<u8>> {
    let mut items = S::stream(node, stream, Since::Snapshot).await;
    let mut all = vec![None; NAMES];
    loop {
        match items.next().await.expect("stream goes on").expect("nothing fails") {
            Told::Present(name, shown) => all[name] = shown,
            Told::Synced => return all,
            Told::Change(..) => panic!("change before the stream was synced"),
        }
    }
}
