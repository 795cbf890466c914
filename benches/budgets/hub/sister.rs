//! A hub that has sisters.

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use conductor_hub::federation::{SisterConfig, SisterServer, Sisters};
use conductor_hub::{Config, Hooks, Hub};
use hyper::HeaderMap;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::http;

/// What all of them prove to know.
const SECRET: [u8; 25] = *b"the secret of the budgets";

/// What lies in the directory of one that dials another: her address.
const SISTER: &str = "sister.url";

/// Has the node of this directory dial another, once it is started.
pub(crate) fn introduce(directory: &Path, sister: SocketAddr) -> Result<(), Box<dyn Error>> {
    Ok(fs::write(directory.join(SISTER), format!("ws://{sister}/ws"))?)
}

/// The hub, behind HTTP, with its sister if it was told of one.
pub(crate) fn node(
    tasks: &TaskTracker,
    listener: TcpListener,
    directory: &Path,
) -> Result<(), Box<dyn Error>> {
    let file = directory.join(SISTER);
    let mut sisters = Sisters::new();
    if file.exists() {
        sisters = sisters.and(SisterServer::new(fs::read_to_string(file)?, HeaderMap::new())?);
    }
    let hooks = Hooks::default().sisters(SisterConfig::new(SECRET), sisters);
    let hub = Hub::start(Config::default(), hooks)?;
    let connections = tasks.clone();
    tasks.spawn(async move {
        while let Ok((socket, peer)) = listener.accept().await {
            connections.spawn(http::serve_from(hub.clone(), socket, Some(peer)));
        }
    });
    Ok(())
}
