//! The example `tally` as its users run it: a program, and a MongoDB that goes and comes back.

use test_support::{Example, Mongo, require};

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
    let Some(mongo) = require(Mongo::private().await) else { return };
    let mut program = Example::start("tally", [mongo.url()]);
    assert_eq!(program.line().await, format!("counting at mongodb://127.0.0.1:{}", mongo.port()));
    next(&mut program, true).await;
    mongo.kill().unwrap();
    let told = next(&mut program, false).await;
    assert!(told.starts_with("mongodb at 127.0.0.1:"), "{told}");
    mongo.restart().await.unwrap();
    // Nothing more is told of the outage: what comes next is a count.
    let counted = program.line().await;
    assert!(counted.parse::<u64>().is_ok(), "{counted}");
    assert!(program.interrupt().await.success());
}
