//! What is refused, and that it is looked for at each start.

use std::time::Duration;

use test_support::{Mongo, require, unique};
use tokio::time::timeout;

use super::*;
use crate::distributed::{Config, DistributedStore, probe};
use crate::{State, Store};

/// For what must come, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn versions_are_compared_as_numbers() {
    let answer = |parts: &[i32]| version(&doc! { "versionArray": parts.to_vec() });
    assert!(answer(&[4, 4, 29, 0]) < VERSION_MIN);
    assert_eq!(answer(&[5, 0, 0, 0]), VERSION_MIN);
    assert!(answer(&[10, 0, 1, 0]) > VERSION_MIN);
    assert_eq!(version(&doc! {}), (0, 0));
}

#[test]
fn a_server_that_is_alone_is_not_replicated() {
    assert!(is_replicated(&doc! { "setName": "rs0", "isWritablePrimary": true }));
    assert!(is_replicated(&doc! { "msg": "isdbgrid" }));
    assert!(!is_replicated(&doc! { "isWritablePrimary": true }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_store_opens_on_a_mongodb_that_is_too_old_and_a_probe_says_so() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let mut config = Config::new(mongo.url()).database(unique("requirements"));
    // Nobody has such a MongoDB: to this store the one that is there is too old.
    config.mongo_version_min = (1_000, 3);
    let told = probe(&config).await.unwrap_err();
    assert_eq!(told.kind(), ErrorKind::Config);
    assert!(told.to_string().contains("need 1000.3 or later"), "{told}");

    let store = DistributedStore::start(config).await.unwrap();
    let mut state = store.state();
    let decided = state.wait_for(|state| state.is_well() || state.to_string().contains("1000.3"));
    let decided = timeout(PATIENCE, decided).await.expect("the store says how it is").unwrap().clone();
    assert!(matches!(decided, State::Down { .. }), "{decided}");
    assert!(store.shutdown(PATIENCE).await);
}
