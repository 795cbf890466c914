//! Hubs whose name has several addresses, one of which is dead.
//!
//! The system reads a file of names in which the test has addresses of its own. It may put that
//! over the machine's where nobody else sees it: in another process, with a view of its own of the
//! files.

use std::env;
use std::time::Duration;

use axum::Router;
use conductor_client::Client;
use conductor_hub::{Hooks, Hub};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::support::{PATIENCE, quick};

/// Tells the other process that it is it.
const ROLE: &str = "CONDUCTOR_CLIENT_TESTS_NAMES";

#[test]
fn a_hub_is_reached_at_once_though_another_address_of_its_name_is_dead() {
    let names = "127.0.0.1 localhost\n127.0.0.2 hub.test\n127.0.0.3 hub.test\n";
    test_support::run_with_files("addresses::resolving_child", ROLE, &[("/etc/hosts", names)]);
}

/// Does nothing by itself: the test above runs it.
#[tokio::test]
async fn resolving_child() {
    if env::var_os(ROLE).is_none() {
        return;
    }
    // Which of the two is tried first is for the system to say.
    for (dead, alive) in [("127.0.0.2", "127.0.0.3"), ("127.0.0.3", "127.0.0.2")] {
        let (hole, _waiting) = test_support::black_hole(dead, 0).await;
        let port = hole.local_addr().expect("it has an address").port();
        let listener = TcpListener::bind((alive, port)).await.expect("nobody else is there");
        let hub = Hub::start(conductor_hub::Config::default(), Hooks::default()).expect("it is valid");
        let app = Router::new().route_service("/ws", hub.clone());
        TaskTracker::new().spawn(async move { axum::serve(listener, app.into_make_service()).await });
        let config = quick(format!("ws://hub.test:{port}/ws")).connect_timeout(PATIENCE);
        let connecting = timeout(Duration::from_secs(5), Client::connect(config)).await;
        let client = connecting.expect("it does not wait for the dead one").expect("the hub is there");
        assert!(client.shutdown(PATIENCE).await);
    }
}
