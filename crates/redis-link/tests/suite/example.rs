//! The example `counter` as its users run it: a program, and a Redis that goes and comes back.

use test_support::{Example, Redis, require};

/// Returns the next line that is a number, or the next that is none.
async fn next(program: &mut Example, is_number: bool) -> String {
    loop {
        let line = program.line().await;
        if line.parse::<u64>().is_ok() == is_number {
            return line;
        }
    }
}

#[tokio::test]
async fn it_counts_on_after_an_outage_that_it_tells_once() {
    let Some(redis) = require(Redis::private().await) else { return };
    let mut program = Example::start("counter", [redis.url()]);
    assert_eq!(program.line().await, format!("connected to {}", redis.url()));
    next(&mut program, true).await;
    redis.kill().unwrap();
    let told = next(&mut program, false).await;
    assert!(told.starts_with("redis at 127.0.0.1:"), "{told}");
    redis.start_again().await.unwrap();
    // Nothing more is told of the outage: what comes next is a count.
    let counted = program.line().await;
    assert!(counted.parse::<u64>().is_ok(), "{counted}");
    assert!(program.interrupt().await.success());
}
