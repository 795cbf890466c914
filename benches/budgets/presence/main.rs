//! The budgets of presence: heartbeats and memory here, and what Redis has to do with either
//! layout.

mod beating;
mod churn;
mod killed;
mod late;
mod local;
mod store;

use std::process::ExitCode;

use benches::budget;
use benches::budget::{Budget, Figure};

use crate::store::Layout;

const FIGURES: &[Figure] = &[
    Figure {
        name: "presence.heartbeat.memory",
        unit: "ns/heartbeat",
        ours: |effort| local::heartbeat(Layout::Memory, effort),
        against: None,
        budget: Budget::AtMost(150.0),
    },
    Figure {
        name: "presence.heartbeat.leases",
        unit: "ns/heartbeat",
        ours: |effort| local::heartbeat(Layout::Leases, effort),
        against: None,
        budget: Budget::AtMost(150.0),
    },
    Figure {
        name: "presence.bytes.memory",
        unit: "bytes/id",
        ours: |effort| local::bytes(Layout::Memory, effort),
        against: None,
        budget: Budget::AtMost(120.0),
    },
    Figure {
        name: "presence.bytes.leases",
        unit: "bytes/id",
        ours: |effort| local::bytes(Layout::Leases, effort),
        against: None,
        budget: Budget::AtMost(120.0),
    },
    Figure {
        name: "presence.redis.beating",
        unit: "% of Redis's core",
        ours: beating::redis_percent,
        against: None,
        budget: Budget::AtMost(1.0),
    },
    Figure {
        name: "presence.redis.arrivals",
        unit: "ids/s",
        ours: |effort| churn::arrivals(Layout::Leases, effort),
        against: Some(("pipelined EXPIRE, then SETEX", |effort| churn::arrivals(Layout::Ancestor, effort))),
        budget: Budget::AtLeast(250_000.0),
    },
    Figure {
        name: "presence.redis.departures",
        unit: "ids/s",
        ours: |effort| churn::departures(Layout::Leases, effort),
        against: Some(("pipelined EXPIRE 0", |effort| churn::departures(Layout::Ancestor, effort))),
        budget: Budget::AtLeast(250_000.0),
    },
    Figure {
        name: "presence.redis.late",
        unit: "ms, 99th percentile",
        ours: |effort| late::p99(Layout::Leases, effort),
        against: Some(("keyspace layout", |effort| late::p99(Layout::Keyspace, effort))),
        budget: Budget::AtMost(50.0),
    },
    Figure {
        name: "presence.redis.killed",
        unit: "s after the TTL, last of 100,000 ids",
        ours: killed::seconds,
        against: None,
        budget: Budget::AtMost(2.0),
    },
];

fn main() -> ExitCode {
    if let Some(holder) = killed::on_the_command_line() {
        return holder;
    }
    budget::main(FIGURES)
}
