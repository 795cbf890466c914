//! The devices that this process holds.
//!
//! This module is pure, but for its lock. An explicit departure ends every device, in every
//! process: the notification that a key was deleted does it. One that is late must not end what was
//! held after it. So a device is *fresh* from before its key is written until everything that Redis
//! had told by then has been heard, and only *firm* ones end by a notification.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use parking_lot::Mutex;
use presence_core::{Device, Id};
use tokio::sync::Notify;

/// Which devices of which ids are held here.
#[derive(Debug, Default)]
pub(super) struct Held {
    ids: Mutex<HashMap<Id, Vec<Hold>>>,
    /// Tells whoever keeps their keys that one of them is gone.
    missing: Notify,
}

/// One device of an id.
///
/// ```text
///  hold ──► fresh ── everything that Redis had told was heard, or the call was given up ──► firm
///             │                                                                              │
///             └─ the key was deleted: stays, as that may be       the key was deleted: ended ┘
///                from before it was held
/// ```
#[derive(Debug)]
struct Hold {
    device: Device,
    firm: bool,
}

/// A device that is fresh. It becomes firm at the end, also of a call that was given up.
#[derive(Debug)]
pub(super) struct Fresh<'a> {
    held: &'a Held,
    id: &'a Id,
    device: &'a Device,
}

impl Held {
    /// Holds a device that was not held, fresh until what is returned is dropped; `None` if it was
    /// held.
    pub(super) fn hold<'a>(&'a self, id: &'a Id, device: &'a Device) -> Option<Fresh<'a>> {
        let mut ids = self.ids.lock();
        let holds = ids.entry(id.clone()).or_default();
        if holds.iter().any(|hold| hold.device == *device) {
            return None;
        }
        holds.push(Hold { device: device.clone(), firm: false });
        Some(Fresh { held: self, id, device })
    }

    pub(super) fn release(&self, id: &Id, device: &Device) {
        self.retain(id, |hold| hold.device != *device);
    }

    /// Ends all firm devices of an id that somebody said is offline.
    pub(super) fn end_firm(&self, id: &Id) {
        self.retain(id, |hold| !hold.firm);
    }

    /// Ends all devices of ids that this process said are offline.
    pub(super) fn end(&self, ids: &[Id]) {
        let mut held = self.ids.lock();
        for id in ids {
            held.remove(id);
        }
    }

    /// Notes that the key of an id is gone although nobody said so.
    pub(super) fn lose(&self, id: &Id) {
        if self.has(id) {
            // This wakes the refresher, which makes the key again.
            self.missing.notify_one();
        }
    }

    /// Waits until the key of a held id is gone.
    pub(super) async fn missing(&self) {
        self.missing.notified().await;
    }

    pub(super) fn has(&self, id: &Id) -> bool {
        self.ids.lock().contains_key(id)
    }

    /// Whether a device of an id is held whose call has returned.
    pub(super) fn has_firm(&self, id: &Id) -> bool {
        self.ids.lock().get(id).is_some_and(|holds| holds.iter().any(|hold| hold.firm))
    }

    pub(super) fn ids(&self) -> Vec<Id> {
        self.ids.lock().keys().cloned().collect()
    }

    fn retain(&self, id: &Id, keep: impl Fn(&Hold) -> bool) {
        if let Entry::Occupied(mut holds) = self.ids.lock().entry(id.clone()) {
            holds.get_mut().retain(keep);
            if holds.get().is_empty() {
                holds.remove();
            }
        }
    }
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        if let Some(holds) = self.held.ids.lock().get_mut(self.id) {
            holds.iter_mut().filter(|hold| hold.device == *self.device).for_each(|hold| hold.firm = true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn departure_that_is_heard_late_ends_no_fresh_device() {
        let (held, id) = (Held::default(), Id::new("a").unwrap());
        let [tab, phone] = ["tab", "phone"].map(|name| Device::new(name).unwrap());
        drop(held.hold(&id, &tab).unwrap());
        assert!(held.hold(&id, &tab).is_none());
        let fresh = held.hold(&id, &phone).unwrap();
        held.end_firm(&id);
        drop(fresh);
        assert!(held.has(&id));
        held.release(&id, &tab);
        assert!(held.has(&id));
        held.release(&id, &phone);
        assert!(!held.has(&id));
        drop(held.hold(&id, &tab).unwrap());
        held.end_firm(&id);
        assert!(!held.has(&id));
        drop(held.hold(&id, &tab).unwrap());
        held.end(std::slice::from_ref(&id));
        assert_eq!(held.ids(), []);
    }
}
