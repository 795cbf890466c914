//! `tidings check` says that a server would not be ready, and why.

use test_support::{Mongo, MongoOptions, Redis, RedisOptions, require};

use crate::databases::run;
use crate::issuer::Issuer;

/// Checks that a check with these flags ends with 1, and says all of this of its one problem.
fn assert_problem(flags: &[&str], parts: &[&str]) {
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    let checked = run("check", &flags);
    let said = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(1), "{said}");
    let problems: Vec<&str> = said.lines().filter(|line| line.starts_with("problem ")).collect();
    assert!(problems.iter().any(|line| parts.iter().all(|part| line.contains(part))), "{said}");
    for noise in ["Topology", "RawDocumentBuf", "lsid", "labels", "QXZJKVQX"] {
        assert!(!said.contains(noise), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_mongodb_who_may_only_read_is_a_problem() {
    let options = MongoOptions::new().password("QXZJKVQX").reader("eve", "e");
    let Some(mongo) = require(Mongo::with(options).await) else { return };
    let url = format!("--mongo-url={}", mongo.user_url("eve", "e"));
    assert_problem(&["--timeline=mongo", &url], &["--mongo-url", "readWrite", "grantRolesToUser"]);
    let wrong = format!("--mongo-url={}", mongo.user_url("tidings", "wrong"));
    assert_problem(&["--timeline=mongo", &wrong], &["--mongo-url", "refused the login", "authSource"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongodb_that_is_no_replica_set_yet_is_a_problem() {
    let Some(mongo) = require(Mongo::uninitiated().await) else { return };
    let url = format!("--mongo-url={}", mongo.url());
    assert_problem(&["--timeline=mongo", &url], &["--mongo-url", "run rs.initiate()"]);
    mongo.restart_alone().await.unwrap();
    assert_problem(&["--timeline=mongo", &url], &["--mongo-url", "start it with --replSet test"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_memory_is_a_problem() {
    let options = RedisOptions { memory_max: Some((1, "noeviction")), ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let (url, issuer) = (format!("--redis-url={}", redis.url()), Issuer::new());
    let memory = ["--redis-url", "memory"];
    for layout in ["--presence-layout=leases", "--presence-layout=keyspace"] {
        let mut flags = vec!["--presence=redis", &url, layout];
        if layout.ends_with("keyspace") {
            flags.push("--presence-notifications=set");
        }
        assert_problem(&flags, &memory);
    }
    let keys = issuer.flag();
    assert_problem(&["--presence=redis", &url, &keys], &[memory[0], "for revocations", memory[1]]);
}
