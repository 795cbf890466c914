//! `tidings check`: says whether the server could run here, without leaving a trace.

use std::io;
use std::io::Write as _;

use anyhow::Context as _;

use crate::config::Config;
use crate::{data_dir, listen, stores, webhook};

/// Tries everything the server needs; one line each. Whether all is well.
pub(crate) async fn check(config: &Config) -> anyhow::Result<bool> {
    let mut results = vec![
        ("configuration".to_owned(), Ok(())),
        (format!("--http {}", config.http), listen::bind("http", config.http).await.map(drop)),
        (format!("--grpc {}", config.grpc), listen::bind("grpc", config.grpc).await.map(drop)),
        (format!("--data-dir {}", config.data_dir.display()), data_dir::check(&config.data_dir)),
    ];
    if let Some(url) = &config.redis_url {
        let opened = stores::open(config).await;
        if let Ok(stores) = &opened {
            stores.close().await;
        }
        results.push((format!("--redis-url {url}"), opened.map(drop)));
    }
    if let Some(url) = &config.webhook_url {
        results.push((format!("--webhook-url {url}"), webhook::check(url, config.webhook_timeout).await));
    }
    let mut out = io::stdout().lock();
    for (what, result) in &results {
        let written = match result {
            Ok(()) => writeln!(out, "ok      {what}"),
            Err(error) => writeln!(out, "problem {error:#}"),
        };
        written.context("the output cannot be written")?;
    }
    Ok(results.iter().all(|(_, result)| result.is_ok()))
}
