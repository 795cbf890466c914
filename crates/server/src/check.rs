//! `tidings check`: says whether the server could run here, and leaves no trace.

mod logins;
mod presence;
mod timelines;

use std::fmt::Write as _;

use crate::config::{Config, PresenceStore};
use crate::data_dir::CheckExtent;
use crate::{
    causes, data_dir, descriptors, join, listen, log, registration, revocation, stores, tls, webhook,
};

/// Tries everything the server needs, as [`serve`](crate::server::run) does; one line each. With
/// `deep`, all that is stored is read, too. Whether all is well.
pub(crate) async fn check(config: &Config, deep: bool) -> bool {
    // Both ports are held until all is tried, since each may be in the way of the other.
    let (http, grpc) = (listen::bind("http", config.http).await, listen::bind("grpc", config.grpc).await);
    let extent = match (config.timeline.is_shared(), deep) {
        (true, _) => CheckExtent::Directory,
        (false, false) => CheckExtent::Timelines,
        (false, true) => CheckExtent::Everything,
    };
    let stored = data_dir::check(&config.data_dir, extent).await;
    let mut notes = config.warnings.clone();
    notes.extend(webhook::note(config));
    notes.extend(stored.as_ref().ok().cloned().flatten());
    let mut results = vec![
        ("configuration".to_owned(), Ok(())),
        (format!("--http {}", config.http), http.as_ref().map(drop).map_err(again)),
        (format!("--grpc {}", config.grpc), grpc.as_ref().map(drop).map_err(again)),
        (format!("--data-dir {}", config.data_dir.display()), stored.map(drop)),
        (config.keeping(), Ok(())),
    ];
    if let Some(certificate) = &config.tls_cert {
        results.push((format!("--tls-cert {}", certificate.display()), tls::start(config).await.map(drop)));
    }
    if let Some(secret) = config.sisters.secret_files.first() {
        let read = join::check_sisters(&config.sisters);
        results.push((format!("--sister-secret-file {}", secret.display()), read));
    }
    let shared = timelines::check(config, deep).await;
    results.extend(shared.results);
    notes.extend(shared.notes);
    let opened = stores::open(config).await;
    if let Ok(stores) = &opened {
        match stores.presence.warnings().await {
            Ok(warnings) => notes.extend(warnings),
            Err(error) => {
                notes.push(format!("the settings of the store of presence cannot be read: {error}"));
            }
        }
        // What does not end in time leaves no more than a crash would.
        stores.shutdown(config.shutdown_time).await;
    }
    match (config.presence, &config.redis_url) {
        (PresenceStore::Redis, Some(url)) => {
            let tried = match opened {
                Ok(_) => presence::check(config, url).await,
                Err(error) => Err(error),
            };
            results.push((format!("--redis-url {url}"), tried));
        }
        // Presence in memory is worth a line only when it does not start.
        _ if opened.is_err() => results.push(("--presence".to_owned(), opened.map(drop))),
        _ => {}
    }
    let (keys, note) = logins::check(&config.logins).await;
    results.extend(keys);
    notes.extend(note);
    if config.logins.are_configured() {
        results.push(("revocations".to_owned(), revocation::check(config).await));
    }
    if let Some(url) = &config.webhook_url {
        results.push((format!("--webhook-url {url}"), webhook::check(url, config).await));
    }
    if let Some(etcd) = &config.etcd {
        results.push((format!("--etcd {}", etcd.members.join(",")), registration::check(config).await));
    }
    notes.extend(descriptors::raise(config).warning);
    // A reader who takes their time keeps no server from the ports.
    drop((http, grpc));
    if let Err(error) = log::print(&report(&results, &notes)) {
        // The exit code says the result, so it is not lost.
        log::complain(format_args!("the output cannot be written: {error}"));
    }
    results.iter().all(|(_, result)| result.is_ok())
}

/// A line for each result, and one for each note.
fn report(results: &[(String, anyhow::Result<()>)], notes: &[String]) -> String {
    let mut text = String::new();
    for (what, result) in results {
        let written = match result {
            Ok(()) => writeln!(text, "ok      {what}"),
            Err(error) => writeln!(text, "problem {}", causes::in_one_line(error)),
        };
        written.expect("a text takes every line");
    }
    for note in notes {
        writeln!(text, "note    {note}").expect("a text takes every line");
    }
    text
}

fn again(error: &anyhow::Error) -> anyhow::Error {
    anyhow::Error::msg(causes::in_one_line(error))
}
