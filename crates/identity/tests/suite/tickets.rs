//! Tickets: once, for a short time, and not too many.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use identity::{ErrorKind, Grants, Identity, Tickets, TicketsConfig};

use crate::made::{NOW, at, now};

fn bob() -> Identity {
    Identity::new("bob", at(NOW + 3_600)).unwrap()
}

#[test]
fn a_ticket_is_good_once_and_for_its_time() {
    let tickets = Tickets::new(TicketsConfig::default()).unwrap();
    let ticket = tickets.issue(bob(), now()).unwrap();
    assert_eq!(ticket.as_str().len(), 22);
    assert!(ticket.as_str().chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter)));
    assert!(!format!("{ticket:?} {tickets:?}").contains(ticket.as_str()));
    for wrong in ["", "x", &ticket.as_str()[1..], &format!("{}x", ticket.as_str())] {
        assert!(tickets.redeem(wrong, now()).is_none());
    }
    assert_eq!(tickets.redeem(ticket.as_str(), at(NOW + 29)), Some(bob()));
    assert!(tickets.redeem(ticket.as_str(), now()).is_none());

    let late = tickets.issue(bob(), now()).unwrap();
    assert!(tickets.redeem(late.as_str(), at(NOW + 30)).is_none());
    assert!(tickets.redeem(late.as_str(), now()).is_none());
    let expired = tickets.issue(Identity::new("bob", at(NOW + 5)).unwrap(), now()).unwrap();
    assert!(tickets.redeem(expired.as_str(), at(NOW + 5)).is_none());
    assert!(tickets.is_empty());

    tickets.issue_with(bob(), Some("a token"), now()).unwrap();
    tickets.remove_expired(at(NOW + 29));
    assert_eq!(tickets.len(), 1);
    tickets.remove_expired(at(NOW + 30));
    assert!(tickets.is_empty());
}

#[test]
fn of_many_who_redeem_a_ticket_at_once_one_gets_the_identity() {
    let tickets = Tickets::new(TicketsConfig::default()).unwrap();
    for _ in 0..100 {
        let ticket = tickets.issue(bob(), now()).unwrap();
        let redeem = || tickets.redeem(ticket.as_str(), now()).is_some();
        let redeemed = thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(redeem));
            threads.map(|thread| usize::from(thread.join().unwrap())).iter().sum::<usize>()
        });
        assert_eq!(redeemed, 1);
    }
}

#[test]
fn no_two_are_the_same() {
    let config = TicketsConfig::default().user_max(1_000);
    let tickets = Tickets::new(config).unwrap();
    let texts: HashSet<String> =
        (0..1_000).map(|_| tickets.issue(bob(), now()).unwrap().as_str().to_owned()).collect();
    assert_eq!((texts.len(), tickets.len()), (1_000, 1_000));
}

#[test]
fn places_are_bounded_for_one_user_and_for_all_and_are_given_back() {
    let config = TicketsConfig::default().tickets_max(5).user_max(2);
    let tickets = Tickets::new(config).unwrap();
    let issue = |user: &str, second| tickets.issue(Identity::new(user, at(NOW + 3_600)).unwrap(), at(second));
    let first = issue("bob", NOW).unwrap();
    issue("bob", NOW).unwrap();
    assert_eq!(issue("bob", NOW).unwrap_err().kind(), ErrorKind::Full);
    assert!(tickets.redeem(first.as_str(), now()).is_some());
    issue("bob", NOW).unwrap();
    for user in ["alice", "alice", "carol"] {
        issue(user, NOW + 1).unwrap();
    }
    assert_eq!(issue("dave", NOW + 1).unwrap_err().kind(), ErrorKind::Full);
    // Those of bob are too old by now.
    issue("dave", NOW + 30).unwrap();
    assert_eq!(tickets.len(), 4);
}

#[test]
fn memory_is_bounded() {
    let config = TicketsConfig::default().bytes_max(64 * 1024).user_max(1_000);
    let tickets = Tickets::new(config).unwrap();
    let rights = Grants::default().bind(["x".repeat(8_000)]).rights_of("bob").unwrap();
    let large = bob().with_rights(rights);
    let issued = (0..1_000).take_while(|_| tickets.issue(large.clone(), now()).is_ok()).count();
    assert_eq!(issued, 7);
}

#[test]
fn a_ticket_gives_back_the_token_that_it_was_made_with() {
    let tickets = Tickets::new(TicketsConfig::default()).unwrap();
    let with = tickets.issue_with(bob(), Some("a.token.of-bob"), now()).unwrap();
    assert!(!format!("{with:?} {tickets:?}").contains("of-bob"));
    let redeemed = tickets.redeem_with(with.as_str(), now());
    assert_eq!(redeemed, Some((bob(), Some("a.token.of-bob".to_owned()))));
    assert_eq!(tickets.redeem_with(with.as_str(), now()), None);

    let without = tickets.issue(bob(), now()).unwrap();
    assert_eq!(tickets.redeem_with(without.as_str(), now()), Some((bob(), None)));
}

#[test]
fn tokens_of_tickets_count_and_are_given_back() {
    let tickets = Tickets::new(TicketsConfig::default().bytes_max(64 * 1024)).unwrap();
    let token = "x".repeat(20_000);
    let issue = || tickets.issue_with(bob(), Some(&token), now());
    let first = issue().unwrap();
    assert!(issue().is_ok() && issue().is_ok());
    assert_eq!(issue().unwrap_err().kind(), ErrorKind::Full);
    assert!(tickets.redeem(first.as_str(), now()).is_some());
    assert!(issue().is_ok());
}

#[test]
fn wrong_settings_are_refused() {
    for wrong in [
        TicketsConfig::default().ttl(Duration::ZERO),
        TicketsConfig::default().tickets_max(0),
        TicketsConfig::default().user_max(0),
        TicketsConfig::default().bytes_max(0),
    ] {
        assert_eq!(Tickets::new(wrong).unwrap_err().kind(), ErrorKind::Config);
    }
}
