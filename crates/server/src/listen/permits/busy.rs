//! A request that is being answered, which keeps its connection busy.

use std::sync::Arc;

use axum::body::Body;
use tokio::time::Instant;

use super::connection_state::{ConnectionState, RequestUnderWay};
use crate::listen::body::{BodyEnd, BodyProgress};
use crate::listen::body_memory::BodyMemory;
use crate::listen::flow::{Flow, Flowing, OnOver};
use crate::listen::tracked_body::TrackedBody;

/// A request that is being answered.
#[derive(Debug, Clone)]
pub(crate) struct Busy {
    flow: Arc<Flow>,
    arrival: Arc<BodyProgress>,
    bodies: BodyMemory,
}

impl Busy {
    /// Notes that a request has come; `endless` if its answer has no end of its own.
    pub(super) fn begin(connection: &Arc<ConnectionState>, endless: bool) -> Self {
        let mut activity = connection.activity.lock();
        let number = activity.next;
        activity.next += 1;
        activity.idle_since = Instant::now();
        let flow = Arc::new(Flow::new(RequestOver { number, state: Arc::clone(connection) }));
        let arrival = connection.bodies.begin(connection.close.clone());
        let (answer, body) = (Arc::downgrade(&flow), Arc::downgrade(&arrival));
        activity.requests.insert(number, RequestUnderWay { endless, answer, body });
        Self { flow, arrival, bodies: connection.bodies.clone() }
    }

    /// The body of the request, followed as it comes.
    pub(in crate::listen) fn arriving(&self, body: Body) -> Body {
        Body::new(TrackedBody::new(body, &self.arrival, &self.bodies))
    }

    /// Why the body of the request was given up, if it was.
    pub(in crate::listen) fn ended(&self) -> Option<BodyEnd> {
        self.arrival.ended()
    }

    /// The body of its answer, followed to its last byte. What is left of the request is given
    /// back.
    pub(crate) fn follow(self, body: Body) -> Body {
        self.flow.head_answered();
        Body::new(Flowing::new(body, self.flow))
    }
}

#[derive(Debug)]
struct RequestOver {
    number: u64,
    state: Arc<ConnectionState>,
}

impl OnOver for RequestOver {
    fn over(&self) {
        let mut activity = self.state.activity.lock();
        activity.requests.remove(&self.number);
        activity.idle_since = Instant::now();
    }
}
