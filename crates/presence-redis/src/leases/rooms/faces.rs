//! The payloads of seats that this process holds.
//!
//! They are written again should Redis forget them.

use std::collections::HashMap;

use parking_lot::Mutex;
use presence_core::rooms::{Payload, Seat};

use crate::leases::space;

/// As this process wrote it last: what another one wrote later is known to Redis alone.
#[derive(Debug, Default)]
pub(in crate::leases) struct Faces(Mutex<HashMap<Seat, Payload>>);

impl space::Faces<Seat, Payload> for Faces {
    fn show(&self, seat: &Seat, shown: &Payload) {
        self.0.lock().insert(seat.clone(), shown.clone());
    }

    fn hide(&self, seat: &Seat) {
        self.0.lock().remove(seat);
    }

    fn shown(&self, seat: &Seat) -> Payload {
        self.0.lock().get(seat).cloned().unwrap_or_default()
    }
}
