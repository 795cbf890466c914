//! How a client begins and ends.

use std::time::Duration;

use conductor_client::protocol::Opcode;
use conductor_client::{Client, Config, ErrorKind};

use crate::support::{PATIENCE, connect, next_end, serve, stuck, visited};

#[tokio::test]
async fn a_shutdown_sends_what_was_accepted_and_says_goodbye() {
    let (_hub, client, mut visitor) = visited(|config| config).await;
    let mut messages = client.messages();
    for number in 0..100 {
        client.write("news", number.to_string()).await.expect("there is room");
    }
    let (is_done, code) = tokio::join!(client.shutdown(PATIENCE), async {
        for number in 0..100 {
            assert_eq!(visitor.expect(Opcode::WRITE, "news").await.body, number.to_string());
        }
        visitor.goodbye().await
    });
    assert_eq!((is_done, code), (true, 1000));
    assert!(client.shutdown(PATIENCE).await, "a second one finds the same end");
    let how = next_end(&mut messages).await;
    assert_eq!((how.unsent, how.comes_back()), (0, false));
    assert!(messages.next().await.is_none());
    for done in [client.write("news", "hi").await, client.bind("tea").await, client.connected().await] {
        assert_eq!(done.expect_err("it is over").kind(), ErrorKind::Closed);
    }
}

#[tokio::test]
async fn a_hub_that_does_not_answer_the_goodbye_holds_a_shutdown_up_no_longer_than_its_grace() {
    let (_hub, client, _visitor) = visited(|config| config).await;
    assert!(!client.shutdown(Duration::from_millis(20)).await);
    assert!(!client.is_connected());
}

#[tokio::test]
async fn a_shutdown_whose_grace_is_over_says_how_much_is_lost() {
    let (_hub, client, _socket) = stuck(|config| config).await;
    let mut messages = client.messages();
    client.write("news", "behind it").await.expect("there is room");
    assert!(!client.shutdown(Duration::from_millis(20)).await);
    let how = next_end(&mut messages).await;
    assert_eq!((how.unsent, how.comes_back()), (2, false));
    assert!(messages.next().await.is_none());
}

#[tokio::test]
async fn the_last_handle_takes_the_connection_along() {
    let (hub, url) = serve(conductor_hub::Hooks::default()).await;
    let client = connect(&url).await;
    let (clone, mut messages) = (client.clone(), client.messages());
    drop(client);
    clone.settle().await.expect("a clone keeps it");
    drop(clone);
    while messages.next().await.is_some() {}
    assert!(hub.shutdown(PATIENCE).await);
}

#[test]
fn it_works_on_a_runtime_of_one_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it is there");
    runtime.block_on(async {
        let (_hub, client, mut visitor) = visited(|config| config).await;
        client.write("news", "hi").await.expect("there is room");
        visitor.expect(Opcode::WRITE, "news").await;
    });
}

#[test]
fn a_start_outside_a_runtime_or_with_settings_out_of_bounds_is_an_error() {
    for config in [
        Config::new("ws://127.0.0.1:1"),
        Config::new("http://127.0.0.1:1"),
        Config::new("ws://127.0.0.1:1").calls_max(0),
        Config::new("wss://127.0.0.1:1").authorities("no certificate"),
    ] {
        assert_eq!(Client::start(config).expect_err("it cannot start").kind(), ErrorKind::Config);
    }
}

#[tokio::test]
async fn a_hub_that_is_not_there_makes_connect_fail_at_its_first_attempt() {
    // Nothing listens at a port that was just given back.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.local_addr().expect("it has an address").port()
    };
    let error = Client::connect(Config::new(format!("ws://127.0.0.1:{port}/?token=secret"))).await;
    let error = error.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!format!("{error:#} {error:?}").contains("secret"), "{error:#}");
}
