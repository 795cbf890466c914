//! A timeline in an axum program that is there already, beside the routes that it has.
//!
//! ```text
//! cargo run -p message-timeline --features http --example timeline_in_axum -- 127.0.0.1:8000 data
//! curl -H content-type:application/json -d '{"from":"alice","to":"bob","message":"{}"}' \
//!     http://127.0.0.1:8000/timeline/send
//! curl 'http://127.0.0.1:8000/timeline/sync?member=bob'
//! curl http://127.0.0.1:8000/health
//! ```
//!
//! Each new entry of an inbox is printed, once it is durable.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use timeline::embedded::{self, EmbeddedStore};
use timeline::{Config, Entry, Observer, Timeline, http};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Prints new entries, where a program would push them to readers who are connected.
struct Printer;

impl Observer for Printer {
    fn appended(&self, member: &str, entry: &Entry) {
        // Where this goes there is nobody left to tell if it fails.
        writeln!(io::stdout(), "{member} {} {}", entry.sequence, entry.message).ok();
    }
}

/// A route that the program had before; now it also asks how the store is.
async fn health(State(timeline): State<Timeline>) -> (StatusCode, String) {
    let state = timeline.state().borrow().clone();
    let status = if state.is_well() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, state.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let directory = arguments.next().unwrap_or_else(|| "data".to_owned());

    let store = EmbeddedStore::start(embedded::Config::new(directory).observer(Printer)).await?;
    let timeline = Timeline::start(Config::default().message_bytes_max(16 * 1024), store)?;
    let timelines = http::router(http::Config::default().body_bytes_max(64 * 1024), timeline.clone())?;
    let app = Router::new().route("/health", get(health)).with_state(timeline.clone()).merge(timelines);

    let listener = TcpListener::bind(address).await?;
    // Before the line below is printed: whoever reads it may interrupt the program at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    writeln!(io::stdout(), "listening at http://{}", listener.local_addr()?)?;
    tokio::select! {
        served = axum::serve(listener, app.into_make_service()) => served?,
        _ = interrupt.recv() => {}
    }
    if !timeline.shutdown(Duration::from_secs(10)).await {
        return Err("the store did not end cleanly within 10 s; what was acknowledged is safe".into());
    }
    Ok(())
}
