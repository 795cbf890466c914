//! No part of a password is ever shown, wherever it stands in an address and whatever goes wrong.

use std::error::Error as StdError;

use proptest::prelude::*;
use redis_link::{Address, ErrorKind, Link, LinkConfig};
use test_support::{Redis, RedisOptions, require};

use crate::{connect, get};

/// Every place of the documentation where a password may stand, with nobody at the hosts.
const PLACES: [&str; 10] = [
    "redis://:{}@127.0.0.1:1",
    "redis://user:{}@127.0.0.1:1/3",
    "redis://user:{}@127.0.0.1:1?protocol=resp3",
    "redis+unix:///nowhere/redis.sock?pass={}",
    "redis+unix:///nowhere/redis.sock?db=2&user=user&pass={}&protocol=resp3",
    "redis-sentinel://:{}@127.0.0.1:1,127.0.0.1:2/mymaster/2",
    "redis-cluster://user:{}@127.0.0.1:1,127.0.0.1:2",
    "rediss://user:{}@127.0.0.1:1",
    "rediss-sentinel://user:{}@127.0.0.1:1/mymaster",
    "rediss-cluster://:{}@127.0.0.1:1",
];

/// Letters that occur nowhere else in these tests, and what takes URLs apart.
fn password() -> impl Strategy<Value = String> {
    "[QXZJKV0-9@/?#:&%=+,. \\\\\\[\\]Ωß-]{4,40}"
}

/// What must not be seen: four letters of the password in a row that are not the punctuation of any
/// address.
fn parts(password: &str) -> Vec<String> {
    let letters: Vec<char> = password.chars().collect();
    let windows = letters.windows(4).filter(|part| part.iter().any(|letter| "QXZJKVΩß".contains(*letter)));
    windows.map(|part| part.iter().collect()).collect()
}

fn encoded(password: &str) -> String {
    password.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn said(error: &redis_link::Error) -> String {
    let source = error.source().map(|source| format!("{source} {source:?}")).unwrap_or_default();
    format!("{error} {error:?} {source}")
}

fn hides(shown: &str, password: &str) -> Result<(), TestCaseError> {
    for part in parts(password) {
        prop_assert!(!shown.contains(&part), "`{part}` is in: {shown}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_part_of_a_password_is_in_an_address(password in password(), place in 0..PLACES.len(), raw: bool) {
        let written = if raw { password.clone() } else { encoded(&password) };
        match Address::parse(&PLACES[place].replace("{}", &written)) {
            Ok(address) => hides(&format!("{address} {address:?}"), &password)?,
            Err(error) => hides(&said(&error), &password)?,
        }
    }

    #[test]
    fn password_that_is_encoded_is_understood(password in password(), place in 0..PLACES.len()) {
        let address = Address::parse(&PLACES[place].replace("{}", &encoded(&password)));
        prop_assert!(address.is_ok(), "{}", said(&address.unwrap_err()));
    }
}

#[tokio::test]
async fn no_part_of_a_password_is_in_the_error_of_a_connection() {
    for place in PLACES {
        for password in
            ["QXZJ-KVQX", "QX@ZJKVQ", "QXZJ/KVQXZ@QXZJ", "1234?QXZJKV", "1234#QXZJKV", "QXZJ&KVQX"]
        {
            for written in [password.to_owned(), encoded(password)] {
                let config = LinkConfig::new(place.replace("{}", &written))
                    .connect_timeout(std::time::Duration::from_millis(200));
                assert!(!format!("{config:?}").contains("QX"));
                let shown = said(&Link::start(config).await.unwrap_err());
                hides(&shown, password).unwrap();
            }
        }
    }
}

/// Redis repeats the arguments of a command that it does not know, as one that was renamed.
#[tokio::test]
async fn server_that_repeats_the_password_in_its_answer_is_not_quoted() {
    for renamed in ["AUTH", "HELLO"] {
        let mut refused = 0;
        let arguments = ["--rename-command", renamed, ""].map(str::to_owned).to_vec();
        let options = RedisOptions { arguments, ..RedisOptions::default() };
        let Some(redis) = require(Redis::with(&options).await) else { return };
        let port = redis.port();
        for place in ["redis://:{}@127.0.0.1:", "redis://user:{}@127.0.0.1:"] {
            for protocol in ["", "?protocol=resp3"] {
                let url = format!("{}{port}{protocol}", place.replace("{}", "QXZJKVQX"));
                // A default user without a password takes any.
                if let Err(error) = Link::start(connect(&url)).await {
                    refused += 1;
                    hides(&said(&error), "QXZJKVQX").unwrap();
                }
            }
        }
        assert!(refused > 0, "nobody was refused without {renamed}");
    }
    let Some(redis) = require(Redis::private().await) else { return };
    let link = Link::start(connect(redis.url())).await.unwrap();
    assert!(!format!("{link:?}").is_empty());
    assert_eq!(get(&link, "a").await.unwrap(), None);
    let wrong = format!("redis://user:QXZJKVQX@127.0.0.1:{}", redis.port());
    let error = Link::start(connect(&wrong)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    hides(&said(&error), "QXZJKVQX").unwrap();
}
