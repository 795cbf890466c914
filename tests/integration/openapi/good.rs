//! What the document has as examples works, and is answered as the document says.

use std::collections::BTreeSet;

use identity::Scope;
use tests::Tidings;

use super::asking::Asking;
use super::document::Document;
use super::input::Input;
use crate::issuer::{Issuer, new_token};

/// Operations that only servers with logins have.
const OF_LOGINS: [&str; 2] = ["ticket", "redeemTicket"];

#[tokio::test]
async fn every_example_works_on_a_server_without_logins() {
    let server = Tidings::start();
    let asking = Asking::new(&server);
    let document = Document::of(&asking).await;
    let mut called = BTreeSet::new();
    for operation in document.operations() {
        let answer = Input::example(&operation).send(&asking).await;
        answer.assert_is_of(&operation, "the example");
        if OF_LOGINS.contains(&operation.id()) {
            assert_eq!(answer.status, 404, "{}", operation.id());
        } else {
            assert!(answer.status < 300, "{}: {} {}", operation.id(), answer.status, answer.body);
            assert!(!answer.is_silent(), "{}", operation.id());
        }
        called.insert(operation.id());
    }
    assert!(called.len() > 35, "{called:?}");
}

#[tokio::test]
async fn every_example_works_for_a_service_where_one_logs_in() {
    let issuer = Issuer::new();
    let server = issuer.start(&["--limit-connects=0/0/0", "--limit-sends=0/0/0"]);
    let scopes = Scope::ALL.iter().copied().collect();
    let token = issuer.sign(&new_token("service", 3_600).scopes(scopes));
    let asking = Asking::new(&server).with(&token);
    let document = Document::of(&asking).await;
    for operation in document.operations() {
        let mut input = Input::example(&operation);
        match operation.id() {
            // The token says who connects.
            "connect" => input.query.clear(),
            "redeemTicket" => {
                let operations = document.operations();
                let ticket = operations.iter().find(|one| one.id() == "ticket").unwrap();
                let ticket = Input::example(ticket).send(&asking).await.json();
                input = input.with_field("ticket", Some(ticket["ticket"].clone()));
            }
            _ => {}
        }
        let answer = input.send(&asking).await;
        answer.assert_is_of(&operation, "the example of a service");
        assert!(answer.status < 300, "{}: {} {}", operation.id(), answer.status, answer.body);
    }
}
