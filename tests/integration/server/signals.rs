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
    for (sent, told) in [
        ("HUP", "SIGHUP"),
        ("USR1", "SIGUSR1"),
        ("USR2", "SIGUSR2"),
        ("ALRM", "SIGALRM"),
        ("VTALRM", "SIGVTALRM"),
        ("PROF", "SIGPROF"),
        ("XCPU", "SIGXCPU"),
        // Shells do not agree about the names of these.
        #[cfg(target_os = "linux")]
        ("29", "SIGIO"),
        #[cfg(target_os = "linux")]
        ("16", "SIGSTKFLT"),
        #[cfg(target_os = "linux")]
        ("37", "a real-time signal"),
        #[cfg(target_os = "linux")]
        ("64", "a real-time signal"),
        // A closed pipe and a file that may not grow are noticed where they are written to.
        ("PIPE", ""),
        ("XFSZ", ""),
    ] {
        server.signal(sent);
        if !told.is_empty() {
            let line = lines.next().unwrap().unwrap();
            assert!(line.contains("WARN") && line.contains(told), "{line}");
        }
        assert_eq!(reqwest::get(server.url("/healthz")).await.unwrap().status(), 200, "{sent}");
        // Some come again every second: that they do is not told again.
        server.signal(sent);
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
    for signals in [
        ["TERM", "TERM"],
        ["INT", "TERM"],
        ["QUIT", "QUIT"],
        // As when the power fails, or a container of LXC is stopped.
        #[cfg(target_os = "linux")]
        ["PWR", "PWR"],
    ] {
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
