//! The payloads of seats that this process holds.
//!
//! They are written again should Redis forget them.

use std::collections::HashMap;

use parking_lot::Mutex;
use presence_core::rooms::{MemberKey, Payload};

use crate::leases::space;

/// The payloads as this process wrote them last. What another process wrote later is known to Redis
/// alone.
#[derive(Debug, Default)]
pub(in crate::leases) struct Payloads(Mutex<HashMap<MemberKey, Payload>>);

impl space::Payloads<MemberKey, Payload> for Payloads {
    fn show(&self, seat: &MemberKey, shown: &Payload) {
        self.0.lock().insert(seat.clone(), shown.clone());
    }

    fn hide(&self, seat: &MemberKey) {
        self.0.lock().remove(seat);
    }

    fn shown(&self, seat: &MemberKey) -> Payload {
        self.0.lock().get(seat).cloned().unwrap_or_default()
    }
}
