//! A user of Redis who may do no more than the page about several servers says.

use redis::Value;
use reqwest::Client as Http;
use serde_json::json;
use test_support::{Mongo, Redis, RedisOptions, RedisUser, redis_connection, require};
use tests::Tidings;

use super::client::Client;
use crate::databases::{run, until_ready};
use crate::issuer::Issuer;

const PAGE: &str = include_str!("../../../docs/scaling.md");

/// Returns what the page lets the user do.
fn rules() -> Vec<String> {
    let line = PAGE.lines().find_map(|line| line.strip_prefix("ACL SETUSER tidings on >password "));
    line.expect("the page has such a line").split_whitespace().map(str::to_owned).collect()
}

/// Has a user come, and sends to them.
async fn used(server: &Tidings) {
    let mut bob = Client::connect(server, "?user=bob").await;
    bob.assert_open().await;
    let body = json!({ "from": "alice", "to": "bob", "message": { "n": 1 } });
    let answer = Http::new().post(server.url("/timeline/send")).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(bob.heard("$inbox:bob").await["sequence"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_needs_no_more_of_redis_than_the_page_lets_its_user_do() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let user = RedisUser { name: "tidings".to_owned(), password: "secret".to_owned(), rules: rules() };
    let options = RedisOptions { users: vec![user.clone()], ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let mut flags = vec![
        format!("--mongo-url={}", mongo.url()),
        format!("--redis-url={}", redis.user_url(&user)),
        "--timeline=redis+mongo".to_owned(),
        "--presence=redis".to_owned(),
    ];
    let server = Tidings::start_with(&flags.iter().map(String::as_str).collect::<Vec<_>>());
    until_ready(&server).await;
    used(&server).await;

    // With logins it tries the key of the revocations, too.
    let issuer = Issuer::new();
    flags.push(issuer.flag());
    let checked = run("check", &flags);
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(!said.lines().any(|line| line.starts_with("problem ")), "{said}");

    let mut connection = redis_connection(redis.url()).await.unwrap();
    let denied: Vec<Value> =
        redis::cmd("ACL").arg("LOG").arg(100).query_async(&mut connection).await.unwrap();
    assert!(denied.is_empty(), "{denied:?}");
    // Redis was used for both, and not left alone for want of a right.
    for of_part in ["tidings:timeline:*", "{tidings:[0-9]*"] {
        let keys: Vec<String> = redis::cmd("KEYS").arg(of_part).query_async(&mut connection).await.unwrap();
        assert!(!keys.is_empty(), "no key is like {of_part}");
    }
}
