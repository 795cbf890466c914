//! The budgets of presence on MongoDB: what pings, syncs and watchers cost, and how soon a start or
//! a kill is seen.
//!
//! A figure that is only shown says how the one beside it grows.

mod documents;
mod idle;
mod original;
mod pinging;
mod seen;
mod starts;
mod syncs;
mod watchers;
mod world;

use std::process::ExitCode;

use benches::budget;
use benches::budget::{Budget, Figure};

use crate::pinging::BEINGS;
use crate::syncs::Known;

const FIGURES: &[Figure] = &[
    Figure {
        name: "presence.mongo.updates",
        unit: "updates in a slot, 10,000 beings",
        ours: pinging::updates,
        against: Some(("one update for each ping", original::updates)),
        budget: Budget::AtMost(1.0),
    },
    Figure {
        name: "presence.mongo.pings.mongod",
        unit: "% of a core, 100,000 beings, slots of 10 s",
        ours: |effort| pinging::mongod(BEINGS, effort),
        against: Some(("one update for each ping, by a sample", original::mongod)),
        budget: Budget::AtMost(5.0),
    },
    Figure {
        name: "presence.mongo.pings.mongod.million",
        unit: "% of a core, 1,000,000 beings, slots of 10 s",
        ours: |effort| pinging::mongod(MILLION, effort),
        against: None,
        budget: Budget::Shown,
    },
    Figure {
        name: "presence.mongo.pings.process",
        unit: "% of a core, 100,000 beings, slots of 10 s",
        ours: |effort| pinging::process(BEINGS, effort),
        against: None,
        budget: Budget::AtMost(5.0),
    },
    Figure {
        name: "presence.mongo.pings.process.million",
        unit: "% of a core, 1,000,000 beings, slots of 10 s",
        ours: |effort| pinging::process(MILLION, effort),
        against: None,
        budget: Budget::Shown,
    },
    Figure {
        name: "presence.mongo.starts",
        unit: "s, 100,000 pingers at once",
        ours: |effort| starts::seconds(BEINGS, effort),
        against: None,
        // As long as a start may take, unless the link is told otherwise.
        budget: Budget::AtMost(10.0),
    },
    Figure {
        name: "presence.mongo.sync.first",
        unit: "s, 100,000 beings",
        ours: |effort| syncs::seconds(Known::Nothing, BEINGS, effort),
        against: None,
        budget: Budget::AtMost(2.0),
    },
    Figure {
        name: "presence.mongo.sync.first.million",
        unit: "s, 1,000,000 beings",
        ours: |effort| syncs::seconds(Known::Nothing, MILLION, effort),
        against: None,
        budget: Budget::Shown,
    },
    Figure {
        name: "presence.mongo.sync.steady",
        unit: "s, 100,000 beings",
        ours: |effort| syncs::seconds(Known::All, BEINGS, effort),
        against: None,
        budget: Budget::AtMost(2.0),
    },
    Figure {
        name: "presence.mongo.seen.1",
        unit: "ms, 99th percentile",
        ours: |effort| seen::p99(1, effort),
        against: None,
        budget: Budget::AtMost(50.0),
    },
    Figure {
        name: "presence.mongo.seen.10",
        unit: "ms, 99th percentile, last of 10 clients",
        ours: |effort| seen::p99(10, effort),
        against: None,
        budget: Budget::AtMost(50.0),
    },
    Figure {
        name: "presence.mongo.seen.50",
        unit: "ms, 99th percentile, last of 50 clients",
        ours: |effort| seen::p99(50, effort),
        against: None,
        budget: Budget::AtMost(50.0),
    },
    Figure {
        name: "presence.mongo.documents",
        unit: "documents after 1,000 restarts of 100 pingers",
        ours: documents::count,
        against: None,
        // A being for each pinger, five slots, the counter.
        budget: Budget::AtMost(106.0),
    },
    Figure {
        name: "presence.mongo.idle",
        unit: "% of a core, mongod's and its own, each watching client",
        ours: idle::percent,
        against: None,
        budget: Budget::AtMost(0.5),
    },
];

const MILLION: usize = 1_000_000;

fn main() -> ExitCode {
    if let Some(watched) = watchers::on_the_command_line() {
        return watched;
    }
    budget::main(FIGURES)
}
