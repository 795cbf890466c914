//! No part of a password is ever shown, wherever it stands in an address and whatever goes wrong.

use std::error::Error as StdError;
use std::time::Duration;

use mongo_link::{Address, Link, LinkConfig, WhenAway};
use proptest::prelude::*;

/// Every place where a password may stand, with nobody at the hosts.
const PLACES: [&str; 6] = [
    "mongodb://user:{}@127.0.0.1:1",
    "mongodb://:{}@127.0.0.1:1/tidings",
    "mongodb://user:{}@127.0.0.1:1,127.0.0.1:2/tidings?replicaSet=rs&authSource=admin",
    "mongodb://{}:{}@127.0.0.1:1/?nonsense=1",
    "mongodb://127.0.0.1:1/?tls=true&tlsCertificateKeyFilePassword={}",
    "mongodb://user:pw@127.0.0.1:1/?authMechanismProperties=SERVICE_NAME:{}",
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

fn said(error: &mongo_link::Error) -> String {
    let source = error.source().map(|source| format!("{source} {source:?}")).unwrap_or_default();
    format!("{error} {error:#} {error:?} {source}")
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
async fn no_part_of_a_password_is_in_the_error_of_a_start() {
    for place in PLACES {
        for password in [
            "QXZJ-KVQX",
            "QX@ZJKVQ",
            "QXZJ/KVQXZ@QXZJ",
            "1234?QXZJKV",
            "1234#QXZJKV",
            "QXZJ&KVQX",
            "QXZ%JKVQ",
        ] {
            for written in [password.to_owned(), encoded(password)] {
                let config =
                    LinkConfig::new(place.replace("{}", &written)).timeout(Duration::from_millis(100));
                assert!(!format!("{config:?}").contains("QX"));
                let shown = match Link::start(config.when_away(WhenAway::Join)).await {
                    Ok(link) => format!("{link:?} {:?} {}", link.address(), *link.state().borrow()),
                    Err(error) => said(&error),
                };
                hides(&shown, password).unwrap();
            }
        }
    }
}
