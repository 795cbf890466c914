//! Whatever is called, in whatever order: a store does what a few lists would do.
//!
//! The model keeps everything in vectors and counts by looking at each entry; the stores are
//! compared with it after each call.

mod calls;
mod check;
mod lists;

use proptest::prelude::*;
use timeline::contract::World;
use timeline::{Config, GroupName, Keep, MemberId, NewGroup, Retention, Timeline};
use tokio::runtime::Runtime;

use self::calls::{Call, call};
use self::lists::Lists;
use super::embedded::Directory;
use super::memory::Memory;

/// How many entries histories and inboxes keep; below 10 nothing stays beyond that.
#[derive(Debug, Clone, Copy)]
struct Kept {
    of_histories: Option<u64>,
    of_inboxes: Option<u64>,
}

fn kept() -> impl Strategy<Value = Kept> {
    (prop::option::of(3..8_u64), prop::option::weighted(0.3, 5..9_u64))
        .prop_map(|(of_histories, of_inboxes)| Kept { of_histories, of_inboxes })
}

fn retention(kept: Kept) -> Retention {
    let keep = |entries: Option<u64>| {
        entries.map_or_else(Keep::everything, |entries| Keep::everything().entries(entries))
    };
    let histories = keep(kept.of_histories);
    Retention::new().pairs(histories).groups(histories).inboxes(keep(kept.of_inboxes))
}

async fn open(world: &dyn World, kept: Kept) -> Timeline {
    Timeline::start(Config::default(), world.start_keeping(retention(kept)).await).unwrap()
}

fn member(number: usize) -> MemberId {
    MemberId::new(format!("m{number}")).unwrap()
}

/// Makes all calls, and compares after each.
fn run(world: &dyn World, kept: Kept, all: &[Call]) {
    Runtime::new().unwrap().block_on(async {
        let mut timeline = open(world, kept).await;
        let mut lists = Lists::new(kept.of_histories, kept.of_inboxes);
        let known = NewGroup::new(GroupName::new("known").unwrap()).owner(member(0));
        timeline.create_group(known).await.unwrap();
        for one in all {
            if matches!(one, Call::Reopen) {
                assert!(timeline.shutdown(check::GRACE).await);
                timeline = open(world, kept).await;
            } else {
                calls::make(&timeline, &mut lists, *one).await;
            }
            check::all(&timeline, &lists).await;
        }
        assert!(timeline.shutdown(check::GRACE).await);
    });
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn the_store_in_memory_does_what_lists_do(
        keeping in kept(),
        all in prop::collection::vec(call(), 1..60),
    ) {
        run(&Memory::default(), keeping, &all);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 8, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn the_embedded_store_does_what_lists_do(keeping in kept(), all in prop::collection::vec(call(), 20..50)) {
        run(&Directory::new(), keeping, &all);
    }
}
