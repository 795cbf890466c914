//! The budgets of `timeline` on MongoDB and Redis.
//!
//! What is compared is measured in one run on the same servers: ours, the way of the original, and
//! a bare `insert_many` of the same documents. A line on standard error has the figures of each.
//! What is only shown is the table of what a send costs the servers.

mod conversations;
mod cost;
mod counts;
mod groups;
mod killed;
mod nodes;
mod original;
mod pairs;
mod reads;
mod scene;
mod world;
mod written;

use std::process::ExitCode;

use benches::budget;
use benches::budget::{Budget, Figure, Side};

use crate::cost::{Process, To, of};
use crate::world::Mode::{Mongo, RedisAndMongo};

const FIGURES: &[Figure] = &[
    Figure {
        name: "timeline-distributed.pairs",
        unit: "x the sends/s of one increment and one insert after the other",
        ours: |effort| pairs::ratio(RedisAndMongo, effort),
        against: None,
        budget: Budget::AtLeast(10.0),
    },
    Figure {
        name: "timeline-distributed.pairs.mongo",
        unit: "x the same, without Redis",
        ours: |effort| pairs::ratio(Mongo, effort),
        against: None,
        budget: Budget::AtLeast(10.0),
    },
    shown(
        "timeline-distributed.pairs.at-once",
        "x the sends/s of the same by 64 callers at once",
        |effort| pairs::ratio_at_once(RedisAndMongo, effort),
    ),
    shown("timeline-distributed.pairs.bare", "x the sends/s of bare inserts of the same", |effort| {
        pairs::part_of_bare(RedisAndMongo, effort)
    }),
    Figure {
        name: "timeline-distributed.group.500",
        unit: "x mongod's CPU for the bare inserts",
        ours: groups::ratio,
        against: None,
        budget: Budget::AtMost(1.2),
    },
    Figure {
        name: "timeline-distributed.nodes",
        unit: "µs of mongod for a send to one group, from 4 nodes",
        ours: |effort| nodes::mongod_us(nodes::NODES, effort),
        against: Some(("from one", |effort| nodes::mongod_us(1, effort))),
        budget: Budget::RatioAtMost(1.3),
    },
    Figure {
        name: "timeline-distributed.sync",
        unit: "x the entries/s of a bare find",
        ours: reads::ratio,
        against: None,
        budget: Budget::AtLeast(0.5),
    },
    Figure {
        name: "timeline-distributed.killed",
        unit: "ms beyond the grace, 99th percentile",
        ours: killed::beyond_grace,
        against: None,
        budget: Budget::AtMost(100.0),
    },
    Figure {
        name: "timeline-distributed.conversations",
        unit: "ms, 99th percentile, of 1,000",
        ours: conversations::percentile,
        against: None,
        budget: Budget::AtMost(100.0),
    },
    mongod("timeline-distributed.cpu.mongod.pairs", |effort| {
        of(Process::Mongod, RedisAndMongo, To::Pairs, effort)
    }),
    mongod("timeline-distributed.cpu.mongod.group.10", |effort| {
        of(Process::Mongod, RedisAndMongo, To::Group(10), effort)
    }),
    mongod("timeline-distributed.cpu.mongod.group.100", |effort| {
        of(Process::Mongod, RedisAndMongo, To::Group(100), effort)
    }),
    mongod("timeline-distributed.cpu.mongod.group.500", |effort| {
        of(Process::Mongod, RedisAndMongo, To::Group(500), effort)
    }),
    redis("timeline-distributed.cpu.redis.pairs", |effort| {
        of(Process::Redis, RedisAndMongo, To::Pairs, effort)
    }),
    redis("timeline-distributed.cpu.redis.group.10", |effort| {
        of(Process::Redis, RedisAndMongo, To::Group(10), effort)
    }),
    redis("timeline-distributed.cpu.redis.group.100", |effort| {
        of(Process::Redis, RedisAndMongo, To::Group(100), effort)
    }),
    redis("timeline-distributed.cpu.redis.group.500", |effort| {
        of(Process::Redis, RedisAndMongo, To::Group(500), effort)
    }),
    alone("timeline-distributed.cpu.alone.pairs", |effort| of(Process::Mongod, Mongo, To::Pairs, effort)),
    alone("timeline-distributed.cpu.alone.group.10", |effort| {
        of(Process::Mongod, Mongo, To::Group(10), effort)
    }),
    alone("timeline-distributed.cpu.alone.group.100", |effort| {
        of(Process::Mongod, Mongo, To::Group(100), effort)
    }),
    alone("timeline-distributed.cpu.alone.group.500", |effort| {
        of(Process::Mongod, Mongo, To::Group(500), effort)
    }),
];

const fn mongod(name: &'static str, ours: Side) -> Figure {
    shown(name, "µs of mongod for a send, with Redis", ours)
}

const fn redis(name: &'static str, ours: Side) -> Figure {
    shown(name, "µs of Redis for a send", ours)
}

const fn alone(name: &'static str, ours: Side) -> Figure {
    shown(name, "µs of mongod for a send, without Redis", ours)
}

const fn shown(name: &'static str, unit: &'static str, ours: Side) -> Figure {
    Figure { name, unit, ours, against: None, budget: Budget::Shown }
}

fn main() -> ExitCode {
    if let Some(ended) = killed::on_the_command_line() {
        return ended;
    }
    budget::main(FIGURES)
}
