//! How a link begins: with a server that is there, that is not, and that lets the user not in.

use std::time::Duration;

use futures_util::FutureExt;
use mongo_link::{ErrorKind, Link, LinkConfig, State, WhenAway};
use test_support::{Mongo, MongoOptions, require};

use crate::{connect, has, put, put_again, state};

#[tokio::test]
async fn link_connects_and_reads_what_it_has_written() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url())).await.unwrap();
    assert_eq!(*link.state().borrow(), State::Well);
    assert_eq!(link.address().to_string(), format!("mongodb://127.0.0.1:{}", mongo.port()));
    assert_eq!(link.database(), LinkConfig::DATABASE_DEFAULT);
    put(&link, "a").await.unwrap();
    assert!(has(&link, "a").await.unwrap());
    let other = Link::start(connect(mongo.url()).database("other")).await.unwrap();
    assert!(!has(&other, "a").await.unwrap());
}

#[tokio::test]
async fn server_that_is_not_there_is_named() {
    let config = LinkConfig::new("mongodb://user:secret@127.0.0.1:1").timeout(Duration::from_millis(500));
    let error = Link::start(config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().starts_with("mongodb at 127.0.0.1:1 "), "{error}");
    assert!(!format!("{error} {error:?} {error:#}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn settings_out_of_bounds_are_refused() {
    let config = LinkConfig::default;
    let (short, long) = (Duration::from_millis(9), Duration::from_secs(121));
    for (name, config) in [
        ("timeout", config().timeout(short)),
        ("timeout", config().timeout(long)),
        ("connect_timeout", config().connect_timeout(long)),
        ("calls_max", config().calls_max(0)),
        ("calls_max", config().calls_max(1025)),
        ("database", config().database("a.b")),
        ("database", config().database("")),
    ] {
        let error = Link::start(config.when_away(WhenAway::Join)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with(name), "{error}");
    }
}

#[tokio::test]
async fn address_that_the_driver_does_not_know_is_refused_whatever_the_setting() {
    for when_away in [WhenAway::Refuse, WhenAway::Join] {
        let config = LinkConfig::new("mongodb://127.0.0.1:1/?nonsense=1").when_away(when_away);
        let error = Link::start(config).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
}

#[test]
fn a_start_outside_a_runtime_is_refused() {
    let start = Link::start(LinkConfig::default());
    let error = start.now_or_never().expect("it does not get as far as a server").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_is_refused_whatever_the_setting() {
    let options = MongoOptions::new().password("QXZJKVQX").reader("eve", "e");
    let Some(mongo) = require(Mongo::with(options).await) else { return };
    for when_away in [WhenAway::Refuse, WhenAway::Join] {
        for url in [mongo.user_url("tidings", "wrong"), mongo.user_url("nobody", "QXZJKVQX")] {
            let error = Link::start(connect(&url).when_away(when_away)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
            assert!(error.to_string().contains("refused the login"), "{error}");
            assert!(!format!("{error} {error:?} {error:#}").contains("QXZJ"), "{error:?}");
        }
    }
    let link = Link::start(connect(mongo.url())).await.unwrap();
    put(&link, "a").await.unwrap();
    // Who may read alone is let in, and told what is forbidden.
    let reader = Link::start(connect(&mongo.user_url("eve", "e"))).await.unwrap();
    assert!(has(&reader, "a").await.unwrap());
    let error = put(&reader, "b").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, Some(13)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn start_while_mongodb_is_away_is_refused_or_joins_when_it_is_there() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    mongo.kill().unwrap();
    let config = || connect(mongo.url()).timeout(Duration::from_secs(1));
    let error = Link::start(config()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");

    let link = Link::start(config().when_away(WhenAway::Join)).await.unwrap();
    let reason = state(&link, |state| !state.is_well()).await;
    assert!(reason.to_string().contains("127.0.0.1"), "{reason}");
    assert_eq!(put(&link, "a").await.unwrap_err().kind(), ErrorKind::Unavailable);
    mongo.restart().await.unwrap();
    state(&link, State::is_well).await;
    put_again(&link, "a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn start_at_a_server_that_stands_still_ends_in_time() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    mongo.freeze().await.unwrap();
    let error = Link::start(connect(mongo.url()).timeout(Duration::from_secs(1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}
