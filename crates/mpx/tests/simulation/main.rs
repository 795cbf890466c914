//! The whole multiplexer against a Redis in the same thread, with paused time: whatever the seed says happens, what subscriptions hear is
//! what they were promised.
//!
//! `MPX_SEED` plays one game alone, `MPX_SEEDS` so many.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod game;
mod listener;
mod redis;
mod storm;

use std::env;

use crate::game::play;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn what_is_heard_is_what_was_promised() {
    let seeds = match number("MPX_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("MPX_SEEDS").unwrap_or(1_000),
    };
    let mut events = 0;
    for seed in seeds {
        let played = std::panic::catch_unwind(|| play(seed));
        match played {
            Ok(trace) => events += trace.len(),
            Err(_) => panic!("seed {seed} shows a fault; MPX_SEED={seed} plays it alone"),
        }
    }
    assert!(events > 0, "nobody heard anything");
}

#[test]
fn a_seed_plays_the_same_game_each_time() {
    for seed in 0..20 {
        assert_eq!(play(seed), play(seed), "seed {seed}");
    }
}
