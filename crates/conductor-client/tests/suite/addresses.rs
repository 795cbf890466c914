//! Hubs whose name has several addresses, one of which is dead.
//!
//! The system reads a file of names in which the test has addresses of its own. It may put that
//! over the machine's where nobody else sees it: in another process, with a view of its own of the
//! files.

use std::env;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use axum::Router;
use conductor_client::Client;
use conductor_hub::{Hooks, Hub};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::support::{PATIENCE, quick};

/// Tells the other process that it is it.
const ROLE: &str = "CONDUCTOR_CLIENT_TESTS_NAMES";

#[test]
fn a_hub_is_reached_at_once_though_another_address_of_its_name_is_dead() {
    let directory = tempfile::tempdir().expect("there is room");
    let names = directory.path().join("hosts");
    fs::write(&names, "127.0.0.1 localhost\n127.0.0.2 hub.test\n127.0.0.3 hub.test\n")
        .expect("the folder takes it");
    let mount = format!("mount --bind {} /etc/hosts", names.display());
    let probe = Command::new("unshare").args(["--mount", "sh", "-c", &mount]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        test_support::skip("a name with addresses of the test's own needs root and mount namespaces");
        return;
    }
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c"])
        .arg(format!("{mount} && exec \"$0\" addresses::resolving_child --exact --nocapture"))
        .arg(env::current_exe().expect("a test knows its own path"))
        .env(ROLE, "1")
        // Where it is not so by itself.
        .env("RESOLV_MULTI", "on")
        .output()
        .expect("it ran before");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    // A name that no test has would pass, too.
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Does nothing by itself: the test above runs it.
#[tokio::test]
async fn resolving_child() {
    if env::var_os(ROLE).is_none() {
        return;
    }
    // Which of the two is tried first is for the system to say.
    for (dead, alive) in [("127.0.0.2", "127.0.0.3"), ("127.0.0.3", "127.0.0.2")] {
        let (hole, _waiting) = black_hole(dead).await;
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

/// Listens at an address where no connection is accepted any more, nor refused.
///
/// Those that fill its queue go with what is returned beside it.
async fn black_hole(host: &str) -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().expect("there are sockets");
    let host: IpAddr = host.parse().expect("it is an address");
    socket.bind(SocketAddr::new(host, 0)).expect("a port is free");
    let listener = socket.listen(1).expect("it may listen");
    let address = listener.local_addr().expect("it has an address");
    let mut waiting = Vec::new();
    // A machine that stalls is not to be taken for a queue that is full.
    while let Ok(connected) = timeout(Duration::from_secs(2), TcpStream::connect(address)).await {
        waiting.push(connected.expect("nobody refuses it"));
        assert!(waiting.len() < 1_000, "its queue has no end");
    }
    (listener, waiting)
}
