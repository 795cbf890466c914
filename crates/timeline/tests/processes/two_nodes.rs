//! The example `two_nodes` as its users run it, with Redis and without, twice on one database.

use test_support::{Example, Mongo, Redis, require, unique};

#[tokio::test]
async fn what_is_sent_to_one_node_comes_to_the_watcher_on_another() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    // The example counts by keys whose names are those of any other run.
    let Some(redis) = require(Redis::private().await) else { return };
    for redis in [Some(redis.url()), None] {
        let url = in_database(mongo.url(), &unique("two-nodes"));
        for _run in 0..2 {
            let mut program = Example::start("two_nodes", [url.as_str()].into_iter().chain(redis));
            let expected = [
                r#"bob gets {"text":"hi"}"#,
                r#"bob gets {"text":"are you there?"}"#,
                r#"bob gets {"text":"see you at 8"}"#,
                "0 messages are left in his inbox",
                "closed",
            ];
            for line in expected {
                assert_eq!(program.line().await, line);
            }
        }
    }
}

/// Puts the name of a database into an address, as its path.
fn in_database(url: &str, database: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (servers, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let options = rest.split_once('?').map_or("", |(_, options)| options);
    format!("{scheme}://{servers}/{database}?{options}")
}
