//! One node: a hub with sisters, in a process of its own.

use std::convert::Infallible;
use std::error::Error;
use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::IntoResponse;
use axum::routing::any;
use conductor_hub::federation::{NodeId, SisterConfig, SisterServer, Sisters};
use conductor_hub::{Config, Hooks, Hub, Lifecycle, PeerAddress};
use tokio::io::{AsyncReadExt, stdin};
use tokio::net::TcpListener;

/// Stands for as many sisters as a node looks for by default.
pub(crate) const AS_BY_DEFAULT: &str = "default";

/// Says what it is told, one line each.
struct Telling;

impl Lifecycle for Telling {
    fn sister_found(&self, origin: NodeId, first: u64) {
        say(format_args!("found {origin} {first}"));
    }

    fn sister_gap(&self, origin: NodeId, missing: RangeInclusive<u64>) {
        say(format_args!("gap {origin} {} {}", missing.start(), missing.end()));
    }

    fn sister_lost(&self, origin: NodeId) {
        say(format_args!("lost {origin}"));
    }
}

/// Serves a hub at an address, which looks for so many sisters, until its standard input ends.
pub(crate) async fn run(address: &str, most: &str, addresses: &[&str]) -> Result<(), Box<dyn Error>> {
    let sisters = Arc::new(Sisters::new());
    for sister in addresses {
        sisters.add(SisterServer::new(format!("ws://{sister}/ws"), http::HeaderMap::new())?);
    }
    let config = SisterConfig::new(*b"the secret of the soak");
    let config = if most == AS_BY_DEFAULT { config } else { config.max_sisters(most.parse()?) };
    let hooks = Hooks::default().lifecycle(Telling).sisters(config, sisters);
    let hub = Hub::start(Config::default(), hooks)?;
    let listener = TcpListener::bind(address).await?;
    say(format_args!("id {}", hub.node().ok_or("the hub has sisters")?));
    let router = Router::new().route("/ws", any(handle)).with_state(hub.clone());
    let mut input = stdin();
    tokio::select! {
        served = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()) => served?,
        _ended = input.read_u8() => {}
    }
    Ok(())
}

async fn handle(
    State(hub): State<Hub>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Result<impl IntoResponse, Infallible> {
    request.extensions_mut().insert(PeerAddress::new(peer));
    Ok(hub.handle(request).await)
}

fn say(line: std::fmt::Arguments<'_>) {
    let mut out = stdout().lock();
    // Whoever started this has gone if nobody reads; then the input ends as well.
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
