//! To whom there is a link, and to whom there may be one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::{Federation, Locked, push};
use crate::federation::balance::DialReason;
use crate::federation::item::Item;
use crate::federation::link_queue::LinkQueue;
use crate::federation::no_sister::NotLinked;
use crate::federation::node_id::NodeId;
use crate::federation::sister::{Sister, SisterEnd};

impl Federation {
    /// Tells whether a node that was dialled is one to link to, before it has proven anything.
    pub(crate) fn wants(&self, node: NodeId, reason: DialReason) -> Result<(), NotLinked> {
        let locked = self.relay.lock();
        self.in_place_of(&locked, node, true)?;
        if reason == DialReason::Parted && locked.relay.hears(node) {
            return Err(NotLinked::Reached);
        }
        Ok(())
    }

    /// Adds a link to a sister who has proven herself.
    pub(crate) fn add(
        &self,
        node: NodeId,
        name: Option<&str>,
        now: Instant,
    ) -> Result<Arc<Sister>, NotLinked> {
        let mut locked = self.relay.lock();
        if let Some(known) = self.in_place_of(&locked, node, name.is_some())? {
            known.end(SisterEnd::Double);
            self.forget(&mut locked, &known);
        }
        let link = self.next_link.fetch_add(1, Ordering::Relaxed);
        let queue = LinkQueue::new(self.config.link_bytes_max, self.window, self.back_pressure.pressed());
        let sister = Arc::new(Sister::new(link, node, name, queue));
        locked.sisters.insert(link, Arc::clone(&sister));
        self.metrics.sisters.increment(1.0);
        // It says that more will be said, so that she counts from the first parcel on.
        push(&sister, Item::Taken { parcels: 0 });
        self.change(&mut locked, |relay, effects| relay.add_link(link, now, effects));
        Ok(sister)
    }

    /// Returns the link in whose place one to this node may be added, if there is one to her.
    fn in_place_of(
        &self,
        locked: &Locked,
        node: NodeId,
        by_us: bool,
    ) -> Result<Option<Arc<Sister>>, NotLinked> {
        if self.closing.is_cancelled() {
            return Err(NotLinked::Closing);
        }
        if node == self.me {
            return Err(NotLinked::Ourselves);
        }
        let Some(known) = locked.sisters.values().find(|sister| sister.node() == node) else {
            let is_full = locked.sisters.len() >= self.config.max_sisters * 2;
            return if is_full { Err(NotLinked::Full) } else { Ok(None) };
        };
        // Both may have dialled at once. On both sides the one stays that the lower has dialled.
        let is_better = by_us == (self.me < node) && known.name().is_some() != by_us;
        if is_better { Ok(Some(Arc::clone(known))) } else { Err(NotLinked::Double) }
    }

    /// Forgets a sister whose link has ended.
    pub(crate) fn remove(&self, sister: &Sister) {
        self.forget(&mut self.relay.lock(), sister);
    }

    fn forget(&self, locked: &mut Locked, sister: &Sister) {
        if locked.sisters.remove(&sister.link).is_none() {
            return;
        }
        self.metrics.sisters.decrement(1.0);
        sister.queue.clear();
        self.change(locked, |relay, effects| relay.remove_link(sister.link, effects));
        self.forget_paces(sister.link);
    }

    /// Returns all sisters to whom there is a link.
    pub(crate) fn sisters(&self) -> Vec<Arc<Sister>> {
        self.relay.lock().sisters.values().map(Arc::clone).collect()
    }

    /// Tells whether messages of a node come here, by whatever way.
    pub(crate) fn hears(&self, node: NodeId) -> bool {
        self.relay.lock().relay.hears(node)
    }

    /// Returns the links without which a node would not be heard any more.
    pub(crate) fn only_ways(&self, now: Instant) -> BTreeSet<u64> {
        self.relay.lock().relay.only_ways(now)
    }

    /// Asks all sisters how many they have.
    pub(crate) fn query(&self) {
        self.relay.lock().sisters.values().for_each(|sister| push(sister, Item::MetaQuery));
    }
}
