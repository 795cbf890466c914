//! The servers in containers, as a machine without their binaries would have them.
//!
//! `cargo xtask containers` runs these with an engine and images made for them.

use test_support::{Error, ErrorKind, Etcd, Mongo, Origin, Redis};

#[tokio::test]
async fn redis_mongo_and_etcd_run_in_containers() {
    if !test_support::engine_answers().await {
        test_support::skip("no Docker engine answers: `cargo xtask containers` starts one");
        return;
    }
    let redis = Redis::in_container().await.unwrap_or_else(|error| fail(&error));
    let mongo = Mongo::in_container().await.unwrap_or_else(|error| fail(&error));
    let etcd = Etcd::in_container().await.unwrap_or_else(|error| fail(&error));
    for (url, origin) in
        [(redis.url(), redis.origin()), (mongo.url(), mongo.origin()), (etcd.url(), etcd.origin())]
    {
        assert_eq!(*origin, Origin::Container);
        println!("{url} answers from a container");
    }
}

fn fail(error: &Error) -> ! {
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    assert_ne!(error.kind(), ErrorKind::Missing, "the engine answered a moment ago");
    panic!("{error}: {source}")
}
