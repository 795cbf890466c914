//! Random histories of what many nodes do, and a check of what was heard.
//!
//! What was heard has to be explained by what was done.
//!
//! ```text
//! model ──► steps ──► runner: does them on several nodes ──► deeds, each from when to when   ─┐
//!                     readers: follow the streams        ──► events, each heard when         ─┴─► explain
//! ```
//!
//! Time is real for most backends, so a deadline is known only up to the duration of the call that
//! set it. Nothing is predicted, therefore: when all is over, each name's deeds and events are
//! searched for a course of things in which every promise was kept.

mod explain;
mod ids;
mod model;
mod pulse;
mod runner;
mod scene;
mod seats;

pub use self::ids::run_ids;
pub use self::seats::run_rooms;
#[doc(hidden)]
pub use tokio::runtime::Runtime;

/// Makes a test that runs random histories against a backend.
///
/// It shrinks those that fail. `history!(name, World, runtime, cases)`: the name of the test, a
/// type that implements [`World`](crate::contract::World), an expression that makes a tokio
/// runtime, once per case, and the number of cases. A case takes a few dozen times the TTL, unless
/// time is paused.
#[macro_export]
macro_rules! history {
    ($name:ident, $world:ty, $runtime:expr, $cases:expr) => {
        $crate::history! { @run $name, $world, $runtime, $cases, run_ids }
    };
    (@run $name:ident, $world:ty, $runtime:expr, $cases:expr, $run:ident) => {
        #[test]
        fn $name() {
            fn runtime_of_a_case() -> $crate::contract::history::Runtime {
                $runtime
            }

            let worlds = $crate::contract::Worlds::of::<$world>();
            $crate::contract::history::$run(worlds, runtime_of_a_case, $cases);
        }
    };
}

/// Makes a test that runs random histories of rooms.
///
/// [`history!`](crate::history!) does the same for ids. The world implements
/// [`RoomWorld`](crate::contract::RoomWorld) too.
#[macro_export]
macro_rules! rooms_history {
    ($name:ident, $world:ty, $runtime:expr, $cases:expr) => {
        $crate::history! { @run $name, $world, $runtime, $cases, run_rooms }
    };
}
