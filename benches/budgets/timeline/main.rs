//! The budgets of `timeline` on the embedded store.
//!
//! Where a floor is named, it is measured in the same run: the engine with the same keys and values
//! in the same batches, and the disk's own `fdatasync`.

mod compaction;
mod conversations;
mod disk;
mod engine;
mod groups;
mod merge;
mod opening;
mod reads;
mod scene;
mod sends;
mod sse;
mod watchers;

use std::process::ExitCode;

use benches::budget;
use benches::budget::{Budget, Figure};

const A_STREAM: &str = "a route that says every 15 s that it is alive";

const FIGURES: &[Figure] = &[
    Figure {
        name: "timeline.embedded.sends",
        unit: "sends/s",
        ours: sends::many_callers,
        against: Some(("the engine, with the same keys and values", engine::replay)),
        budget: Budget::AtLeast(50_000.0),
    },
    Figure {
        name: "timeline.embedded.sends.engine",
        unit: "sends/s",
        ours: sends::many_callers,
        against: Some(("the engine, with the same keys and values", engine::replay)),
        budget: Budget::RatioAtLeast(0.8),
    },
    Figure {
        name: "timeline.embedded.sends.alone",
        unit: "sends/s of one caller",
        ours: sends::one_caller,
        against: Some(("a line appended and synced", sends::log_appends)),
        budget: Budget::RatioAtLeast(0.5),
    },
    Figure {
        name: "timeline.embedded.group.10",
        unit: "copies/s",
        ours: |effort| groups::copies(10, effort),
        against: None,
        budget: Budget::Shown,
    },
    Figure {
        name: "timeline.embedded.group.500",
        unit: "copies/s",
        ours: |effort| groups::copies(500, effort),
        against: None,
        budget: Budget::Shown,
    },
    Figure {
        name: "timeline.embedded.group.5000",
        unit: "copies/s",
        ours: |effort| groups::copies(5_000, effort),
        against: None,
        budget: Budget::Shown,
    },
    Figure {
        name: "timeline.embedded.sync",
        unit: "entries/s",
        ours: reads::copies,
        against: None,
        budget: Budget::AtLeast(800_000.0),
    },
    Figure {
        name: "timeline.embedded.sync.referenced",
        unit: "entries/s",
        ours: reads::referenced,
        against: None,
        budget: Budget::AtLeast(400_000.0),
    },
    Figure {
        name: "timeline.embedded.conversations",
        unit: "ms, 99th percentile, of 1,000",
        ours: conversations::percentile,
        against: None,
        budget: Budget::AtMost(20.0),
    },
    Figure {
        name: "timeline.embedded.open",
        unit: "ms, with 10,000,000 entries",
        ours: opening::milliseconds,
        against: None,
        budget: Budget::AtMost(2_000.0),
    },
    Figure {
        name: "timeline.embedded.disk.pair",
        unit: "bytes/message of 200 bytes",
        ours: disk::pair,
        against: None,
        budget: Budget::Shown,
    },
    Figure {
        name: "timeline.embedded.disk.group",
        unit: "bytes/copy in groups of 100",
        ours: disk::group,
        against: None,
        budget: Budget::Shown,
    },
    Figure {
        name: "timeline.embedded.watch.idle",
        unit: "bytes/watcher",
        ours: watchers::memory,
        against: None,
        budget: Budget::AtMost(300.0),
    },
    Figure {
        name: "timeline.http.watch.idle",
        unit: "bytes/watcher over SSE",
        ours: |effort| sse::memory(sse::PROGRAM, effort),
        against: Some((A_STREAM, |effort| sse::memory(sse::FLOOR, effort))),
        budget: Budget::RatioAtMost(1.25),
    },
    Figure {
        name: "timeline.http.watch.idle.server",
        unit: "bytes/watcher over SSE",
        ours: |effort| sse::memory(sse::TIDINGS, effort),
        against: None,
        budget: Budget::Shown,
    },
    Figure {
        name: "timeline.embedded.erasure",
        unit: "sends/s while it runs",
        ours: compaction::sends_meanwhile,
        against: Some(("without it", compaction::sends_alone)),
        budget: Budget::Shown,
    },
    Figure {
        name: "timeline.embedded.merge",
        unit: "s/GB, to write all tables anew",
        ours: merge::seconds_per_gb,
        against: None,
        budget: Budget::Shown,
    },
];

fn main() -> ExitCode {
    if sse::is_server() {
        return sse::serve();
    }
    budget::main(FIGURES)
}
