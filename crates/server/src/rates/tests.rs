//! Limits as users, addresses and crowds meet them.

use std::time::SystemTime;

use tidings::identity::{Identity, Scope};

use super::table::KEYS_MAX;
use super::*;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn limits(connection: u32, user: u32, address: u32) -> RateLimits {
    let messages = Rates { connection, user, address };
    RateLimits::new(&RateConfig { messages, ..RateConfig::default() })
}

fn user(name: &str) -> Caller {
    Caller::User(Identity::new(name, SystemTime::UNIX_EPOCH).unwrap())
}

/// How many messages of one byte are taken before one is refused, and when to try again.
fn taken(limits: &RateLimits, caller: &Caller, address: IpAddr) -> (u32, Duration) {
    for count in 0..=10_000 {
        if let Err(wait) = limits.take(RateKind::Messages, caller, address, 1) {
            return (count, wait);
        }
    }
    panic!("nothing was refused");
}

#[tokio::test(start_paused = true)]
async fn a_user_may_send_ten_seconds_worth_at_once_and_then_as_time_goes_on() {
    let limits = limits(0, 4, 0);
    let alice = user("alice");
    assert_eq!(taken(&limits, &alice, HERE), (40, Duration::from_millis(250)));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(taken(&limits, &alice, HERE).0, 4);
    // Another user has as much, and so has alice from elsewhere no more.
    assert_eq!(taken(&limits, &user("bob"), HERE).0, 40);
    assert_eq!(taken(&limits, &alice, "192.0.2.1".parse().unwrap()).0, 0);
}

#[tokio::test(start_paused = true)]
async fn who_floods_takes_nothing_of_what_others_have_behind_the_same_address() {
    let limits = limits(0, 1, 2);
    assert_eq!(taken(&limits, &user("alice"), HERE).0, 10);
    for _ in 0..100 {
        assert!(limits.take(RateKind::Messages, &user("alice"), HERE, 1).is_err());
    }
    assert_eq!(taken(&limits, &user("bob"), HERE).0, 10);
    // Both together have taken what the address may have.
    assert_eq!(taken(&limits, &user("carol"), HERE).0, 0);
}

#[tokio::test(start_paused = true)]
async fn a_network_of_ipv6_is_one_address_and_a_mapped_one_is_that_of_ipv4() {
    let limits = limits(0, 0, 1);
    for (first, same, other) in [
        ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
    ] {
        let [first, same, other] = [first, same, other].map(|text| text.parse().unwrap());
        assert_eq!(taken(&limits, &Caller::Anonymous, first).0, 10);
        assert_eq!(taken(&limits, &user("bob"), same).0, 0);
        assert_eq!(taken(&limits, &user("bob"), other).0, 10);
    }
}

#[tokio::test(start_paused = true)]
async fn services_and_kinds_without_a_limit_are_not_counted() {
    let limits = limits(0, 1, 1);
    let scopes = [Scope::Timelines].into_iter().collect();
    let service = Identity::new("backend", SystemTime::UNIX_EPOCH).unwrap().with_scopes(scopes);
    let service = Caller::Service(service);
    for _ in 0..100 {
        assert_eq!(limits.take(RateKind::Messages, &service, HERE, 1), Ok(()));
        assert_eq!(limits.take(RateKind::Sends, &user("alice"), HERE, 1), Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cost_beyond_the_burst_takes_all_of_it() {
    let limits = limits(0, 2, 0);
    let alice = user("alice");
    assert_eq!(limits.take(RateKind::Messages, &alice, HERE, u32::MAX), Ok(()));
    assert_eq!(limits.take(RateKind::Messages, &alice, HERE, 1), Err(Duration::from_millis(500)));
    assert_eq!(limits.take(RateKind::Messages, &alice, HERE, 0), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn who_comes_when_there_is_no_room_shares_and_room_is_made_as_others_are_full_again() {
    let table = Table::new(1).unwrap();
    let keys = u64::try_from(KEYS_MAX).unwrap();
    for key in 0..keys {
        assert_eq!(table.take(key, 1), Ok(()));
    }
    // Ten of the new ones share what one key may take.
    for key in keys..keys + 10 {
        assert_eq!(table.take(key, 1), Ok(()));
    }
    assert!(table.take(keys + 10, 1).is_err());
    // Nobody who was there before has less.
    assert_eq!(table.take(0, 9), Ok(()));
    tokio::time::advance(Duration::from_secs(3)).await;
    for key in keys + 11..keys + 111 {
        assert_eq!(table.take(key, 1), Ok(()));
    }
    // That of key 0 is not forgotten.
    assert!(table.take(0, 9).is_err());
}
