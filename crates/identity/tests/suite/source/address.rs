//! Key sets at an address.

use std::future::ready;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::join_all;
use identity::{ErrorKind, JwksConfig, JwksSource, JwksState, KeySet, Refusal, Verifier};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::server::{Answer, Server};
use super::{Named, settings, verifier, verify};
use crate::PATIENCE;
use crate::made::{SECRET, jwks, now, secret_config};

/// Lets a future begin, which cannot end yet.
async fn is_waiting(future: Pin<&mut impl Future>) {
    tokio::select! {
        biased;
        _ = future => panic!("it does not wait"),
        () = ready(()) => {}
    }
}

/// As short as a setting may be.
const AT_ONCE: Duration = Duration::from_millis(10);

#[tokio::test]
async fn a_new_key_is_fetched_when_its_first_token_comes() {
    let (old, new) = (Named::new("old"), Named::new("new"));
    let server = Server::start(Answer::Body(jwks(&[old.jwk()]))).await;
    let source = JwksSource::start(settings(server.address()).refetch_after(AT_ONCE)).await.unwrap();
    let verifier = verifier(&source);
    assert!(verify(&verifier, &old).await.is_ok());
    assert_eq!(server.asked(), 1);
    server.answer(Answer::Body(jwks(&[new.jwk()])));
    assert_eq!(verifier.verify(&new.token(), now()).unwrap_err(), Refusal::UnknownKey);
    // It may be asked again only after a while, which is short here.
    let patience = tokio::time::Instant::now() + PATIENCE;
    while verify(&verifier, &new).await.is_err() {
        assert!(tokio::time::Instant::now() < patience);
    }
    // The key that is gone is forgotten, also for tokens that were seen.
    assert_eq!(verify(&verifier, &old).await.unwrap_err(), Refusal::UnknownKey);
    assert!(source.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn however_many_names_are_invented_keys_are_fetched_once_in_a_while() {
    let key = Named::new("a");
    let server = Server::start(Answer::Body(jwks(&[key.jwk()]))).await;
    let source = JwksSource::start(settings(server.address())).await.unwrap();
    let verifier = verifier(&source);
    for _ in 0..100 {
        assert_eq!(verify(&verifier, &Named::new("invented")).await.unwrap_err(), Refusal::UnknownKey);
    }
    assert_eq!(server.asked(), 1);
    source.reload().await.unwrap();
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn all_who_wait_have_one_fetch_and_who_gives_up_does_not_end_it() {
    let (old, new) = (Named::new("old"), Named::new("new"));
    let server = Server::start(Answer::Body(jwks(&[old.jwk()]))).await;
    let source = JwksSource::start(settings(server.address())).await.unwrap();
    let verifier = verifier(&source);
    let release = CancellationToken::new();
    server.answer(Answer::Held(jwks(&[new.jwk()]), release.clone()));
    // It begins, and whoever began it goes.
    tokio::select! {
        _ = source.reload() => panic!("nobody answers"),
        () = server.is_asked(2) => {}
    }
    let all = join_all((0..50).map(|_| verify(&verifier, &new)));
    tokio::pin!(all);
    is_waiting(all.as_mut()).await;
    release.cancel();
    for verified in timeout(PATIENCE, all).await.unwrap() {
        assert_eq!(verified.unwrap().user(), "bob");
    }
    assert_eq!(server.asked(), 2);
    let unknown = verify(&verifier, &old).await;
    assert_eq!(unknown.unwrap_err(), Refusal::UnknownKey);
    assert!(source.shutdown(PATIENCE).await);
    assert_eq!(source.reload().await.unwrap_err().kind(), ErrorKind::Closed);
    assert!(verify(&verifier, &new).await.is_ok());
}

#[tokio::test]
async fn those_who_wait_are_bounded() {
    let key = Named::new("a");
    let server = Server::start(Answer::Body(jwks(&[key.jwk()]))).await;
    let source = JwksSource::start(settings(server.address()).waiters_max(1)).await.unwrap();
    server.answer(Answer::Silence);
    let first = source.reload();
    tokio::pin!(first);
    tokio::select! {
        _ = &mut first => panic!("nobody answers"),
        () = server.is_asked(2) => {}
    }
    let second = source.reload();
    tokio::pin!(second);
    is_waiting(second.as_mut()).await;
    assert_eq!(source.reload().await.unwrap_err().kind(), ErrorKind::Full);
    assert_eq!(verify(&verifier(&source), &Named::new("b")).await.unwrap_err(), Refusal::UnknownKey);
}

#[tokio::test]
async fn while_a_fetch_fails_the_last_keys_stay_and_the_state_says_why() {
    let key = Named::new("a");
    let server = Server::start(Answer::Body(jwks(&[key.jwk()]))).await;
    let elsewhere = Server::start(Answer::Body(jwks(&[Named::new("b").jwk()]))).await;
    let source = JwksSource::start(settings(server.address())).await.unwrap();
    let verifier = verifier(&source);
    let state = source.state();
    assert!(state.borrow().is_well());
    for (answer, why) in [
        (Answer::Status("302 Found", elsewhere.address().to_owned()), "redirection"),
        (Answer::Status("500 Internal Server Error", String::new()), "500"),
        (Answer::Status("204 No Content", String::new()), "204"),
        (Answer::Endless, "was not read to its end"),
        (Answer::Cut, "was not read to its end"),
        (Answer::Body("hidden".to_owned()), "no key set"),
        (Answer::Body(jwks(&[])), "no key"),
        (Answer::Body(jwks(&[serde_json::json!({ "kty": "oct", "k": "A".repeat(43) })])), "secret"),
    ] {
        server.answer(answer);
        let error = timeout(PATIENCE, source.reload()).await.unwrap().unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        let reason = state.borrow().reason().map(str::to_owned).unwrap();
        assert!(reason.contains(why) && reason.contains("127.0.0.1:"), "{reason}");
        assert!(!reason.contains("hidden"), "{reason}");
        assert!(verify(&verifier, &key).await.is_ok());
        server.answer(Answer::Body(jwks(&[key.jwk()])));
        source.reload().await.unwrap();
        assert!(state.borrow().is_well());
    }
    assert_eq!(elsewhere.asked(), 0);
}

#[tokio::test]
async fn a_server_that_says_nothing_or_nothing_more_is_given_up() {
    for answer in [Answer::Silence, Answer::Stalled] {
        let server = Server::start(answer).await;
        let config = settings(server.address()).timeout(AT_ONCE);
        let error = timeout(PATIENCE, JwksSource::start(config)).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("within 10ms"), "{error}");
    }
}

#[tokio::test]
async fn a_program_that_may_starts_before_its_issuer_and_takes_tokens_once_that_is_there() {
    let key = Named::new("a");
    let away = || Answer::Status("503 Service Unavailable", String::new());
    let server = Server::start(away()).await;
    let config = settings(server.address()).refetch_after(AT_ONCE);
    let refused = JwksSource::start(config.clone()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    let config = config.may_come_later();
    let source = JwksSource::start(config.clone()).await.unwrap();
    let (verifier, mut state) = (verifier(&source), source.state());
    assert!(matches!(&*state.borrow(), JwksState::Absent { reason, .. } if reason.contains("503")));
    assert_eq!(verify(&verifier, &key).await.unwrap_err(), Refusal::UnknownKey);
    assert!(source.reload().await.is_err());
    assert!(matches!(*state.borrow(), JwksState::Absent { .. }));
    server.answer(Answer::Body(jwks(&[key.jwk()])));
    timeout(PATIENCE, state.wait_for(JwksState::is_well)).await.unwrap().unwrap();
    assert!(verify(&verifier, &key).await.is_ok());
    // From now on there are keys of an earlier time.
    server.answer(away());
    assert!(source.reload().await.is_err());
    assert!(matches!(*state.borrow(), JwksState::Stale { .. }));

    // What does not get right by itself is an error still.
    server.answer(Answer::Body("hidden".to_owned()));
    assert_eq!(JwksSource::start(config).await.unwrap_err().kind(), ErrorKind::Config);
    let missing = JwksConfig::new("no/such/keys.json").may_come_later();
    assert_eq!(JwksSource::start(missing).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_server_that_comes_and_goes_is_asked_until_it_is_there() {
    let key = Named::new("a");
    let server = Server::start(Answer::Body(jwks(&[key.jwk()]))).await;
    let config = settings(server.address()).refresh(AT_ONCE).refetch_after(AT_ONCE);
    let source = JwksSource::start(config).await.unwrap();
    let mut state = source.state();
    for _ in 0..3 {
        server.answer(Answer::Status("503 Service Unavailable", String::new()));
        timeout(PATIENCE, state.wait_for(|state| !state.is_well())).await.unwrap().unwrap();
        server.answer(Answer::Body(jwks(&[key.jwk()])));
        timeout(PATIENCE, state.wait_for(|state| state.is_well())).await.unwrap().unwrap();
    }
    assert_eq!(source.current().len(), 1);
}

#[tokio::test]
async fn a_start_fails_where_there_are_no_keys() {
    let server = Server::start(Answer::Status("404 Not Found", String::new())).await;
    let error = JwksSource::start(settings(server.address())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!error.to_string().contains("hidden"), "{error}");
    server.answer(Answer::Body("{}".to_owned()));
    assert_eq!(JwksSource::start(settings(server.address())).await.unwrap_err().kind(), ErrorKind::Config);
    let wrong = JwksConfig::new("http://me:hidden@127.0.0.1/");
    assert_eq!(JwksSource::start(wrong).await.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_key_of_the_configuration_goes_before_one_of_the_same_name() {
    let key = Named::new("a");
    let server = Server::start(Answer::Body(jwks(&[key.jwk()]))).await;
    let source = JwksSource::start(settings(server.address())).await.unwrap();
    let ours = Verifier::new(
        identity::Config::new(KeySet::from_secret(SECRET, Some("a")).unwrap()).jwks(source.clone()),
    );
    assert_eq!(ours.unwrap().verify(&key.token(), now()).unwrap_err(), Refusal::Algorithm);
    let both = Verifier::new(secret_config().jwks(source)).unwrap();
    assert!(both.verify(&key.token(), now()).is_ok());
    assert!(both.verify(&crate::made::of(&crate::made::good()), now()).is_ok());
}
