//! Signals that are no reason to end, and one that comes twice.

use std::io::{self, BufRead as _, BufReader};
use std::process::Command;

use tests::Tidings;
use tokio_tungstenite::connect_async;

#[tokio::test]
async fn signals_that_mean_nothing_end_nothing_and_say_so_in_one_line() {
    let (reader, errors) = io::pipe().unwrap();
    let mut server = Tidings::start_into(errors, &[]);
    let mut lines = BufReader::new(reader).lines();
    let (socket, _) = connect_async(format!("ws://{}/ws?user=alice", server.http())).await.unwrap();
    for name in ["HUP", "USR1", "USR2", "ALRM", "PIPE"] {
        server.signal(name);
        // A closed pipe is noticed where it is written to.
        if name != "PIPE" {
            let line = lines.next().unwrap().unwrap();
            assert!(line.contains("WARN") && line.contains(&format!("SIG{name}")), "{line}");
        }
        assert_eq!(reqwest::get(server.url("/healthz")).await.unwrap().status(), 200, "SIG{name}");
    }
    let text = reqwest::get(server.url("/metrics")).await.unwrap().text().await.unwrap();
    assert!(text.contains("\ntidings_hub_connections 1\n"), "{text}");
    drop(socket);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(lines.map(Result::unwrap).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn a_signal_that_comes_twice_at_once_is_one() {
    for signals in [["TERM", "TERM"], ["INT", "TERM"], ["QUIT", "QUIT"]] {
        let mut tries = 1;
        while send_twice(signals).await != Some(0) {
            // On a busy machine they may come 200 ms apart, and are two then.
            assert!(tries < 5, "{signals:?}");
            tries += 1;
        }
    }
}

/// Sends both to a server of its own, and returns its exit code.
async fn send_twice(signals: [&str; 2]) -> Option<i32> {
    let mut server = Tidings::start();
    let (socket, _) = connect_async(format!("ws://{}/ws?user=alice", server.http())).await.unwrap();
    let twice = signals.map(|name| format!("kill -{name} {}", server.id())).join("; ");
    assert!(Command::new("sh").args(["-c", &twice]).status().unwrap().success());
    drop(socket);
    server.wait().code()
}
