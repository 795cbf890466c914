//! The devices that this process holds. Pure, but for its lock.
//!
//! An explicit departure ends every device, in every process: the notification that a key was deleted does it. One that
//! is late must not end what was held after it. So a device is *fresh* from before its key is written until everything
//! that Redis had told by then has been heard, and only *firm* ones end by a notification.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use parking_lot::Mutex;
use presence_core::{Device, Id};

/// Which devices of which ids are held here.
#[derive(Debug, Default)]
pub(super) struct Held {
    ids: Mutex<HashMap<Id, Vec<Hold>>>,
}

#[derive(Debug)]
struct Hold {
    device: Device,
    firm: bool,
}

impl Held {
    /// Holds a device, fresh if it was not held, and says whether it was not.
    pub(super) fn hold(&self, id: &Id, device: &Device) -> bool {
        let mut ids = self.ids.lock();
        let holds = ids.entry(id.clone()).or_default();
        let new = holds.iter().all(|hold| hold.device != *device);
        if new {
            holds.push(Hold { device: device.clone(), firm: false });
        }
        new
    }

    pub(super) fn make_firm(&self, id: &Id, device: &Device) {
        if let Some(holds) = self.ids.lock().get_mut(id) {
            holds.iter_mut().filter(|hold| hold.device == *device).for_each(|hold| hold.firm = true);
        }
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

    pub(super) fn has(&self, id: &Id) -> bool {
        self.ids.lock().contains_key(id)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn departure_that_is_heard_late_ends_no_fresh_device() {
        let (held, id) = (Held::default(), Id::new("a").unwrap());
        let [tab, phone] = ["tab", "phone"].map(|name| Device::new(name).unwrap());
        assert!(held.hold(&id, &tab));
        held.make_firm(&id, &tab);
        assert!(!held.hold(&id, &tab));
        assert!(held.hold(&id, &phone));
        held.end_firm(&id);
        assert_eq!(held.ids(), [id.clone()]);
        held.release(&id, &tab);
        assert!(held.has(&id));
        held.release(&id, &phone);
        assert!(!held.has(&id));
        held.hold(&id, &tab);
        held.end(std::slice::from_ref(&id));
        assert_eq!(held.ids(), []);
    }
}
