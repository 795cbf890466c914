use super::*;
use crate::distributed::send::operation::Places;
use crate::store::Append;
use crate::{Conversation, Destination, Message};

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn operation() -> Operation {
    let conversation = Conversation::single(member("a"), member("b"));
    let history = BoxId::history(&conversation);
    let append = Append {
        conversation,
        from: Some(member("a")),
        to: Destination::Member(member("b")),
        recipients: vec![member("a"), member("b")],
        message: Message::from_stored("{}"),
        token: None,
    };
    let places = Places { place: seq(7), at_ms: 1, copies: vec![seq(3), seq(5)] };
    Operation::of_send(append, history, EntryId::fresh(1), places)
}

#[test]
fn an_operation_is_known_when_each_of_its_copies_is() {
    let mut delivery = Delivery::default();
    delivery.add(4, &operation(), None);
    delivery.add(9, &operation(), None);
    delivery.copies[0].fate = Fate::There;
    assert_eq!((delivery.sequences(4), delivery.sequences(9)), (None, None));
    delivery.copies[1].fate = Fate::Failed;
    assert_eq!(delivery.sequences(4), Some(vec![Some(seq(3)), None]));
    assert_eq!(delivery.open(|_| true), [2, 3]);
    assert_eq!((delivery.missing(4), delivery.missing(9)), (vec![false, false], vec![true, true]));
    assert_eq!(delivery.sequences(5), None);
}

#[test]
fn answers_have_the_sequence_of_the_last_recipient_and_name_who_got_nothing() {
    let operation = operation();
    let both = operation.answer(&[Some(seq(3)), Some(seq(6))]);
    assert_eq!((both.sequence, both.place, both.failed), (seq(6), seq(7), Vec::new()));
    let one = operation.answer(&[Some(seq(3)), None]);
    assert_eq!((one.sequence, one.failed), (Seq::ZERO, vec![member("b")]));
}

#[test]
fn what_was_reserved_a_moment_ago_is_not_looked_up() {
    let mut delivery = Delivery::default();
    let reserved_at = Moment::now();
    delivery.add(0, &operation(), Some(reserved_at));
    let unsure = |now: Moment| delivery.open(|copy| copy.is_unsure(now)).len();
    assert_eq!((unsure(reserved_at), unsure(reserved_at + USABLE)), (0, 0));
    assert_eq!(unsure(reserved_at + USABLE + Duration::from_millis(1)), 2);
}
