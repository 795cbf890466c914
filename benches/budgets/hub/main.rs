//! The budgets of `conductor-hub`: idle memory, what a delivery costs, what a link carries.
//!
//! The server under measurement is a process of its own, so that its memory and its
//! processor time are not mixed with those of the clients. The real binary, `tidings`, is
//! expected beside this one, and with the allocator of the system as `tidings-glibc`;
//! `cargo xtask budget` puts both there.

mod client;
mod direct;
mod fanout;
mod http;
mod idle;
mod link;
mod logins;
mod process;
mod secure;
mod server;
mod sister;
mod stream;
mod tls;

use std::process::ExitCode;

use benches::budget;
use benches::budget::{Budget, Figure};

use crate::fanout::Burst;
use crate::idle::Who;
use crate::link::{Per, Traffic};

const WAITING: &str = "a task that waits for its socket";
const COMPRESSED: &str = "bare writer of frames that were compressed before";

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
        name: "hub.idle.memory.tls",
        unit: "bytes/connection",
        ours: |effort| idle::memory("hub-tls", Who::Secure, effort),
        against: Some(("a task of tokio-rustls that waits for its socket", |effort| {
            idle::memory("waiting-tls", Who::Secure, effort)
        })),
        budget: Budget::RatioAtMost(1.25),
    },
    Figure {
        name: "hub.fanout.bursts",
        unit: "deliveries/CPU-s",
        ours: |effort| fanout::per_cpu_second("hub", Burst::OF_ONE, effort),
        against: None,
        budget: Budget::AtLeast(10_000_000.0),
    },
    Figure {
        name: "hub.fanout.bursts.senders",
        unit: "deliveries/CPU-s",
        ours: |effort| fanout::per_cpu_second("hub", Burst::OF_MANY, effort),
        against: None,
        budget: Budget::AtLeast(3_000_000.0),
    },
    Figure {
        name: "hub.fanout.single",
        unit: "deliveries/CPU-s",
        ours: |effort| fanout::per_cpu_second("hub", Burst::SINGLE, effort),
        against: None,
        budget: Budget::AtLeast(150_000.0),
    },
    Figure {
        name: "hub.fanout.bursts.logins",
        unit: "deliveries/CPU-s",
        ours: |effort| fanout::per_cpu_second("logins-tidings", Burst::OF_ONE, effort),
        against: Some(("the server without logins", |effort| {
            fanout::per_cpu_second("tidings", Burst::OF_ONE, effort)
        })),
        budget: Budget::AtLeast(10_000_000.0),
    },
    Figure {
        name: "hub.fanout.single.logins",
        unit: "deliveries/CPU-s",
        ours: |effort| fanout::per_cpu_second("logins-tidings", Burst::SINGLE, effort),
        against: Some(("the server without logins", |effort| {
            fanout::per_cpu_second("tidings", Burst::SINGLE, effort)
        })),
        budget: Budget::AtLeast(150_000.0),
    },
    Figure {
        name: "hub.fanout.bursts.cpu",
        unit: "ns/delivery",
        ours: |effort| fanout::cpu_ns("hub", Burst::OF_ONE, effort),
        against: Some(("bare pre-framed writer", |effort| fanout::cpu_ns("bare", Burst::OF_ONE, effort))),
        budget: Budget::RatioAtMost(1.25),
    },
    Figure {
        name: "hub.fanout.single.cpu",
        unit: "ns/delivery",
        ours: |effort| fanout::cpu_ns("hub", Burst::SINGLE, effort),
        against: Some(("bare pre-framed writer", |effort| fanout::cpu_ns("bare", Burst::SINGLE, effort))),
        budget: Budget::RatioAtMost(1.25),
    },
    Figure {
        // The other side is a bare relay, not the hub with a direct write in its outbox.
        name: "hub.fanout.single.direct",
        unit: "ns/delivery",
        ours: |effort| fanout::cpu_ns("hub", Burst::SINGLE, effort),
        against: Some(("a bare relay whose tokio tasks write past any queue, without a hub", |effort| {
            fanout::cpu_ns("direct", Burst::SINGLE, effort)
        })),
        budget: Budget::Shown,
    },
    Figure {
        name: "hub.deflate.bursts.cpu",
        unit: "ns/delivery",
        ours: |effort| fanout::cpu_ns("hub-deflate", Burst::JSON, effort),
        against: Some((COMPRESSED, |effort| fanout::cpu_ns("bare-deflated", Burst::JSON, effort))),
        budget: Budget::RatioAtMost(2.0),
    },
    Figure {
        name: "hub.deflate.single.cpu",
        unit: "ns/delivery",
        ours: |effort| fanout::cpu_ns("hub-deflate", Burst::JSON_SINGLE, effort),
        against: Some((COMPRESSED, |effort| fanout::cpu_ns("bare-deflated", Burst::JSON_SINGLE, effort))),
        budget: Budget::RatioAtMost(2.0),
    },
    Figure {
        name: "hub.sisters.link",
        unit: "messages/s",
        ours: |effort| link::messages(Traffic::ONE, Per::Second, effort),
        against: None,
        budget: Budget::AtLeast(300_000.0),
    },
    Figure {
        name: "hub.sisters.link.cpu",
        unit: "messages/CPU-s of both nodes",
        ours: |effort| link::messages(Traffic::ONE, Per::CpuSecond, effort),
        against: None,
        budget: Budget::Shown,
    },
    Figure {
        name: "hub.sisters.channels",
        unit: "messages/s",
        ours: |effort| link::messages(Traffic::CHANNELS, Per::Second, effort),
        against: None,
        budget: Budget::AtLeast(300_000.0),
    },
    Figure {
        name: "hub.sisters.channels.cpu",
        unit: "messages/CPU-s of both nodes",
        ours: |effort| link::messages(Traffic::CHANNELS, Per::CpuSecond, effort),
        against: None,
        budget: Budget::Shown,
    },
    Figure {
        name: "hub.stream",
        unit: "bytes/CPU-s",
        ours: |effort| stream::bytes_per_cpu_second(1, effort),
        against: None,
        budget: Budget::AtLeast(1e9),
    },
    Figure {
        name: "hub.stream.readers",
        unit: "bytes/CPU-s",
        ours: |effort| stream::bytes_per_cpu_second(10, effort),
        against: None,
        budget: Budget::Shown,
    },
];

fn main() -> ExitCode {
    if let Some(server) = server::named_on_the_command_line() {
        return server.run();
    }
    budget::main(FIGURES)
}
