//! The whole multiplexer against a Redis, or a cluster, in the same thread, with paused time:
//! whatever the seed says happens, what subscriptions hear is what they were promised.
//!
//! `MPX_SEED` plays one game alone, `MPX_SEEDS` so many.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod cluster;
mod command;
mod game;
mod listener;
mod published;
mod redis;
mod sharded;
mod slow_nodes;
mod storm;
mod subscribers;
mod time;

use std::env;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Plays as many games as are asked for.
fn play_all(play: fn(u64) -> Vec<String>) {
    let seeds = match number("MPX_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("MPX_SEEDS").unwrap_or(1_000),
    };
    let mut events = 0;
    for seed in seeds {
        match std::panic::catch_unwind(|| play(seed)) {
            Ok(trace) => events += trace.len(),
            Err(_) => panic!("seed {seed} shows a fault; MPX_SEED={seed} plays it alone"),
        }
    }
    assert!(events > 0, "nobody heard anything");
}

#[test]
fn what_is_heard_is_what_was_promised() {
    play_all(game::play);
}

#[test]
fn what_is_heard_of_a_cluster_is_what_was_promised() {
    play_all(sharded::play);
}

#[test]
fn a_seed_plays_the_same_game_each_time() {
    for seed in 0..20 {
        assert_eq!(game::play(seed), game::play(seed), "seed {seed}");
        assert_eq!(sharded::play(seed), sharded::play(seed), "seed {seed}, sharded");
    }
}
