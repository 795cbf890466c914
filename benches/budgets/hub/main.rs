//! The budgets of `conductor-hub`: idle memory, and what a delivery costs.
//!
//! The server under measurement is a process of its own, so that its memory and its
//! processor time are not mixed with those of the clients. The real binary, `tidings`, is
//! expected beside this one, and with the allocator of the system as `tidings-glibc`;
//! `cargo xtask budget` puts both there.

mod client;
mod fanout;
mod idle;
mod logins;
mod process;
mod server;

use std::process::ExitCode;

use benches::budget;
use benches::budget::{Budget, Figure};

use crate::idle::Who;

const WAITING: &str = "a task that waits for its socket";

const FIGURES: &[Figure] = &[
    Figure {
        name: "hub.idle.memory.glibc",
        unit: "bytes/connection",
        ours: |effort| idle::memory("hub", Who::Anonymous, effort),
        against: Some((WAITING, |effort| idle::memory("waiting", Who::Anonymous, effort))),
        budget: Budget::AtMost(3_000.0),
    },
    Figure {
        name: "hub.idle.memory.mimalloc",
        unit: "bytes/connection",
        ours: |effort| idle::memory("mimalloc-hub", Who::Anonymous, effort),
        against: Some((WAITING, |effort| idle::memory("mimalloc-waiting", Who::Anonymous, effort))),
        budget: Budget::AtMost(3_000.0),
    },
    Figure {
        name: "hub.idle.memory.server.glibc",
        unit: "bytes/connection of a user",
        ours: |effort| idle::memory("tidings-glibc", Who::User, effort),
        against: None,
        budget: Budget::AtMost(5_000.0),
    },
    Figure {
        name: "hub.idle.memory.server.mimalloc",
        unit: "bytes/connection of a user",
        ours: |effort| idle::memory("tidings", Who::User, effort),
        against: None,
        budget: Budget::AtMost(5_000.0),
    },
    Figure {
        name: "hub.idle.memory.logins.glibc",
        unit: "bytes/connection of a user",
        ours: |effort| idle::memory("logins-tidings-glibc", Who::LoggedIn, effort),
        against: None,
        budget: Budget::AtMost(5_000.0),
    },
    Figure {
        name: "hub.idle.memory.logins.mimalloc",
        unit: "bytes/connection of a user",
        ours: |effort| idle::memory("logins-tidings", Who::LoggedIn, effort),
        against: None,
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
        name: "hub.fanout.bursts.logins",
        unit: "deliveries/CPU-s",
        ours: |effort| fanout::per_cpu_second("logins-tidings", fanout::BURST, effort),
        against: Some(("the server without logins", |effort| {
            fanout::per_cpu_second("tidings", fanout::BURST, effort)
        })),
        budget: Budget::AtLeast(1_500_000.0),
    },
    Figure {
        name: "hub.fanout.single.logins",
        unit: "deliveries/CPU-s",
        ours: |effort| fanout::per_cpu_second("logins-tidings", 1, effort),
        against: Some(("the server without logins", |effort| fanout::per_cpu_second("tidings", 1, effort))),
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
