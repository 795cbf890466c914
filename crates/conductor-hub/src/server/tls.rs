//! TLS of a listener, with a certificate that is read again when its files change.

mod certificate;

use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, describe_counter};
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use self::certificate::{Certificate, FilesRead, FilesStamp};
use crate::{Error, ErrorKind};

/// The most bytes that TLS keeps of what a client does not take; the rest waits in its outbox.
const BUFFER_BYTES_MAX: usize = 32 * 1024;

/// The files of a certificate, and how often they are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    check_every: Duration,
}

impl TlsFiles {
    /// Between what [`check_every`](Self::check_every) is.
    pub const CHECK_EVERY_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(100)..=Duration::from_secs(24 * 60 * 60);

    /// Creates the pair of files, both in PEM.
    ///
    /// The first has the certificate of the server and behind it those that lead to its authority,
    /// the second its key.
    #[must_use]
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { certificate: certificate.into(), key: key.into(), check_every: Duration::from_secs(30) }
    }

    /// Sets how often the files are looked at; they are read if they have changed.
    ///
    /// 30 s by default, 100 ms to 24 h. [`Tls::reload`] reads them at once.
    #[must_use]
    pub fn check_every(self, time: Duration) -> Self {
        Self { check_every: time, ..self }
    }
}

/// TLS of a listener; clones are the same.
///
/// [`start`](Self::start) reads the certificate and looks at its files from then on. A pair that
/// cannot be used, such as one of which only half is written yet, changes nothing: the last good
/// one stays, which is said once in the log, counted, and tried again. Connections keep the
/// certificate that they began with. [`shutdown`](Self::shutdown) ends that and waits; dropping the
/// last handle ends it without waiting.
///
/// It speaks TLS 1.2 and 1.3, and says that it speaks HTTP/1.1 alone, over which a WebSocket
/// begins.
#[derive(Clone, Debug)]
pub struct Tls {
    shared: Arc<Shared>,
    stop: CancellationToken,
    _last: Arc<DropGuard>,
}

struct Shared {
    files: TlsFiles,
    certificate: Arc<Certificate>,
    acceptor: TlsAcceptor,
    seen: Mutex<Seen>,
    tasks: TaskTracker,
}

struct Seen {
    /// How the files were when the certificate was read.
    loaded: FilesStamp,
    /// How they were when they could not be used, which the log has said.
    unusable: Option<FilesStamp>,
}

impl Tls {
    /// Reads the certificate, and looks at its files from now on.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if the period is out of its bounds, and
    /// [`Unavailable`](ErrorKind::Unavailable) if a file cannot be read, or the two do not fit each
    /// other.
    pub async fn start(files: TlsFiles) -> Result<Self, Error> {
        if !TlsFiles::CHECK_EVERY_BOUNDS.contains(&files.check_every) {
            let (least, most) = TlsFiles::CHECK_EVERY_BOUNDS.into_inner();
            let text =
                format!("check_every is {:?}; it must be from {least:?} to {most:?}", files.check_every);
            return Err(Error::new(ErrorKind::Config, text));
        }
        describe_counter!(
            "hub_certificate_reads_total",
            "How often the files of the certificate were read because they had changed, by outcome."
        );
        let tasks = TaskTracker::new();
        let FilesRead { stamp, key } = certificate::read(&tasks, &files).await?;
        let certificate = Arc::new(Certificate::new(key));
        let acceptor = TlsAcceptor::from(Arc::new(server_config(&certificate)?));
        let seen = Mutex::new(Seen { loaded: stamp, unusable: None });
        let shared = Arc::new(Shared { files, certificate, acceptor, seen, tasks });
        let stop = CancellationToken::new();
        shared.tasks.spawn(Arc::clone(&shared).watch(stop.clone()));
        Ok(Self { shared, _last: Arc::new(stop.clone().drop_guard()), stop })
    }

    /// Shakes hands with a client that has just connected.
    ///
    /// The caller bounds the time. What the client does not take is kept up to 32 KiB.
    ///
    /// # Errors
    ///
    /// Whatever the client or its connection did wrong.
    pub async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let bound = |connection: &mut rustls::ServerConnection| {
            connection.set_buffer_limit(Some(BUFFER_BYTES_MAX));
        };
        self.shared.acceptor.accept_with(socket, bound).await
    }

    /// Reads the files now; who connects from now on gets the new certificate.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) if they cannot be used; the last good certificate
    /// stays.
    pub async fn reload(&self) -> Result<(), Error> {
        self.shared.read().await
    }

    /// Looks at the files no more, and waits until nobody reads them.
    ///
    /// Returns whether that was so within `grace`.
    ///
    /// Clients may still connect, with the certificate that was read last.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped after it was first polled has ended it all the same.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.stop.cancel();
        self.shared.tasks.close();
        timeout(grace, self.shared.tasks.wait()).await.is_ok()
    }
}

impl Shared {
    async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = interval(self.files.check_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is at once.
        ticks.tick().await;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let now = certificate::stamp(&self.tasks, &self.files).await;
            if now != self.seen.lock().loaded {
                // What went wrong was noted.
                self.read().await.ok();
            }
        }
    }

    async fn read(&self) -> Result<(), Error> {
        match certificate::read(&self.tasks, &self.files).await {
            Ok(FilesRead { stamp, key }) => {
                self.certificate.replace(key);
                *self.seen.lock() = Seen { loaded: stamp, unusable: None };
                counter!("hub_certificate_reads_total", "outcome" => "read").increment(1);
                tracing::info!(certificate = %self.files.certificate.display(), "the certificate was read anew");
                Ok(())
            }
            Err(error) => {
                let stamp = certificate::stamp(&self.tasks, &self.files).await;
                counter!("hub_certificate_reads_total", "outcome" => "unusable").increment(1);
                // Once for each state of the files, however often they are tried.
                if self.seen.lock().unusable.replace(stamp) != Some(stamp) {
                    tracing::warn!(
                        error = %format_args!("{error:#}"),
                        "the files of the certificate cannot be used; the last good one stays in use"
                    );
                }
                Err(error)
            }
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("files", &self.files).finish_non_exhaustive()
    }
}

fn server_config(certificate: &Arc<Certificate>) -> Result<ServerConfig, Error> {
    // The provider is named, as a process may have several.
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|fault| Error::with_source(ErrorKind::Unavailable, "TLS cannot be set up", fault))?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::<Certificate>::clone(certificate));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
