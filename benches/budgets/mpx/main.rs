//! The budgets of `mpx`: what a message costs who receives it, and how soon names are active.

mod flow;
mod names;
mod peers;
mod publish;
mod receive;

use std::process::ExitCode;

use benches::budget;
use benches::budget::{Budget, Figure};

const FIGURES: &[Figure] = &[
    over_floor::<64, 1>("mpx.receive.64B.1.floor"),
    over_floor::<64, 100>("mpx.receive.64B.100.floor"),
    over_floor::<64, 10_000>("mpx.receive.64B.10000.floor"),
    over_floor::<1024, 1>("mpx.receive.1KiB.1.floor"),
    over_floor::<1024, 100>("mpx.receive.1KiB.100.floor"),
    over_floor::<1024, 10_000>("mpx.receive.1KiB.10000.floor"),
    Figure {
        name: "mpx.receive.64B.10000.lookup",
        unit: "ns/message",
        ours: receive::handlers::<64, 10_000>,
        against: Some(("frames read, and channels found in a map", peers::lookup::<64, 10_000>)),
        budget: Budget::RatioAtMost(2.0),
    },
    over_redis_rs::<64, 1>("mpx.receive.64B.1.redis-rs"),
    over_redis_rs::<64, 100>("mpx.receive.64B.100.redis-rs"),
    over_redis_rs::<64, 10_000>("mpx.receive.64B.10000.redis-rs"),
    over_redis_rs::<1024, 1>("mpx.receive.1KiB.1.redis-rs"),
    over_redis_rs::<1024, 100>("mpx.receive.1KiB.100.redis-rs"),
    over_redis_rs::<1024, 10_000>("mpx.receive.1KiB.10000.redis-rs"),
    Figure {
        name: "mpx.receive.64B.1.stream",
        unit: "ns/message",
        ours: receive::stream::<64, 1>,
        against: Some(("redis-rs PubSub", peers::redis_rs::<64, 1>)),
        budget: Budget::RatioAtMost(0.2),
    },
    Figure {
        name: "mpx.fanout.1000",
        unit: "ns/delivery",
        ours: receive::fanout::<64, 1_000>,
        against: None,
        // The Go package that came before calls back 170 million times a second.
        budget: Budget::AtMost(6.0),
    },
    Figure {
        name: "mpx.subscribe.100k",
        unit: "s, first add to last activation",
        ours: names::subscribe,
        against: None,
        budget: Budget::AtMost(0.3),
    },
    Figure {
        name: "mpx.resubscribe.100k",
        unit: "s, loss to last activation",
        ours: names::resubscribe,
        against: None,
        budget: Budget::AtMost(1.0),
    },
    Figure {
        name: "mpx.resubscribe.10k.kills",
        unit: "ms from a kill to the last activation, a kill every 300 ms",
        ours: names::kills,
        against: None,
        budget: Budget::AtMost(100.0),
    },
    Figure {
        name: "mpx.publish",
        unit: "messages/s",
        ours: publish::rate,
        against: Some(("redis-rs, a thousand callers", publish::redis_rs)),
        budget: Budget::AtLeast(500_000.0),
    },
];

const fn over_floor<const BYTES: usize, const NAMES: usize>(name: &'static str) -> Figure {
    Figure {
        name,
        unit: "ns/message",
        ours: receive::handlers::<BYTES, NAMES>,
        against: Some(("frames read and counted", peers::floor::<BYTES, NAMES>)),
        budget: Budget::RatioAtMost(2.0),
    }
}

const fn over_redis_rs<const BYTES: usize, const NAMES: usize>(name: &'static str) -> Figure {
    Figure {
        name,
        unit: "ns/message",
        ours: receive::handlers::<BYTES, NAMES>,
        against: Some(("redis-rs PubSub", peers::redis_rs::<BYTES, NAMES>)),
        budget: Budget::RatioAtMost(0.2),
    }
}

fn main() -> ExitCode {
    budget::main(FIGURES)
}
