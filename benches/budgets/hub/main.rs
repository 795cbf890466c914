//! The budgets of `conductor-hub`: idle memory, and what a delivery costs.
//!
//! The server under measurement is a process of its own, so that its memory and its
//! processor time are not mixed with those of the clients.

mod client;
mod fanout;
mod idle;
mod process;
mod server;

use std::process::ExitCode;

use benches::budget;
use benches::budget::{Budget, Figure};

const FIGURES: &[Figure] = &[
    Figure {
        name: "hub.idle.memory",
        unit: "bytes/connection",
        ours: |effort| idle::memory("hub", effort),
        against: Some(("a task that waits for its socket", |effort| idle::memory("waiting", effort))),
        budget: Budget::AtMost(5_000.0),
    },
    Figure {
        name: "hub.fanout.bursts",
        unit: "deliveries/CPU-s",
        ours: |effort| fanout::per_cpu_second("hub", fanout::BURST, effort),
        against: None,
        budget: Budget::AtLeast(1_500_000.0),
    },
    Figure {
        name: "hub.fanout.single",
        unit: "deliveries/CPU-s",
        ours: |effort| fanout::per_cpu_second("hub", 1, effort),
        against: None,
        budget: Budget::AtLeast(150_000.0),
    },
    Figure {
        name: "hub.fanout.bursts.cpu",
        unit: "ns/delivery",
        ours: |effort| fanout::cpu_ns("hub", fanout::BURST, effort),
        against: Some(("bare pre-framed writer", |effort| fanout::cpu_ns("bare", fanout::BURST, effort))),
        budget: Budget::RatioAtMost(1.25),
    },
    Figure {
        name: "hub.fanout.single.cpu",
        unit: "ns/delivery",
        ours: |effort| fanout::cpu_ns("hub", 1, effort),
        against: Some(("bare pre-framed writer", |effort| fanout::cpu_ns("bare", 1, effort))),
        budget: Budget::RatioAtMost(1.25),
    },
];

fn main() -> ExitCode {
    if let Some(server) = server::named_on_the_command_line() {
        return server.run();
    }
    budget::main(FIGURES)
}
