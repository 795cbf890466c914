//! The registration of the timelines in etcd as the settings have it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tidings::timeline::etcd::{Registration, RegistrationConfig, RegistrationState, Servers};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, EtcdConfig};
use crate::health::{self, Condition, Health};
use crate::supervisor::Supervisor;

/// How long a stop waits at most until etcd has let go of us.
const FAREWELL: Duration = Duration::from_secs(2);
/// The share that this may have of the time in which clients end.
const SHARE: u32 = 4;

/// A registration, and what tells health of it.
#[derive(Debug)]
pub(crate) struct Registered {
    registration: Registration,
    followed: CancellationToken,
}

/// Returns what is registered of a server that listens at these addresses for HTTP and gRPC, if an
/// etcd is configured.
pub(crate) fn settings(
    config: &Config,
    (http, grpc): (SocketAddr, SocketAddr),
) -> anyhow::Result<Option<RegistrationConfig>> {
    let Some(etcd) = &config.etcd else { return Ok(None) };
    let endpoints = match etcd.advertise.as_slice() {
        [] => vec![format!("grpc://{grpc}"), format!("http://{http}")],
        given => given.to_vec(),
    };
    let settings = RegistrationConfig::new(servers(etcd)?, endpoints)
        .name(&etcd.name)
        .version(env!("CARGO_PKG_VERSION"));
    let settings = match &etcd.id {
        Some(id) => settings.id(id),
        None => settings,
    };
    // What is wrong shows before anything is written, and not when clients are here already.
    settings.validate().context("--etcd")?;
    Ok(Some(settings))
}

fn servers(etcd: &EtcdConfig) -> anyhow::Result<Servers> {
    let mut servers = Servers::new(&etcd.members);
    if let (Some(user), Some(password)) = (&etcd.user, &etcd.password) {
        servers = servers.login(user, password.expose());
    }
    if let Some(ca) = &etcd.ca {
        servers = servers.ca(read("--etcd-ca", ca)?);
    }
    if let (Some(certificate), Some(key)) = (&etcd.certificate, &etcd.key) {
        servers = servers.identity(read("--etcd-certificate", certificate)?, read("--etcd-key", key)?);
    }
    Ok(servers)
}

fn read(flag: &str, file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("{flag}: {} cannot be read", file.display()))
}

/// Registers a server that is ready. It does not wait for etcd, without which the server does its
/// work.
pub(crate) fn start(
    settings: Option<RegistrationConfig>,
    health: &Health,
    supervisor: &Supervisor,
) -> anyhow::Result<Option<Registered>> {
    let Some(settings) = settings else { return Ok(None) };
    let registration = Registration::start(settings).context("--etcd")?;
    // It ends before the others are stopped, so nothing is wrong when it does.
    let followed = supervisor.stop().child_token();
    let follow =
        health.clone().follow(health::REGISTRATION, registration.state(), condition, followed.clone());
    supervisor.tasks().spawn(follow);
    Ok(Some(Registered { registration, followed }))
}

impl Registered {
    /// Has clients go to other servers, before those that are here are asked to leave.
    pub(crate) async fn end(&self, clients: Instant) {
        self.followed.cancel();
        let grace = FAREWELL.min(clients.saturating_duration_since(Instant::now()) / SHARE);
        if !self.registration.shutdown(grace).await {
            tracing::warn!(
                "etcd was not told of the stop in time; clients find this server there for up to 15 s"
            );
        }
    }
}

/// Says whether the etcd answers and lets us in. Nothing is changed there.
pub(crate) async fn check(config: &Config) -> anyhow::Result<()> {
    let Some(settings) = settings(config, (config.http, config.grpc))? else { return Ok(()) };
    Registration::check(&settings).await.context("--etcd")
}

fn condition(state: &RegistrationState) -> Condition {
    match state {
        RegistrationState::Unregistered { reason, .. } => Condition::Impaired(Arc::clone(reason)),
        _ => Condition::Well,
    }
}
