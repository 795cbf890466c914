//! What the load client can measure.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::step;

/// Its columns and its peers; the first peer is ours.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) columns: Vec<Column>,
    pub(super) peers: Vec<Peer>,
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) more_is_better: bool,
}

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: String,
    /// Where it comes from, as `npm:ws`; empty for ours.
    pub(super) package: String,
    pub(super) settings: String,
}

impl Listing {
    /// Asks the load client.
    pub(super) fn of(client: &Path) -> Result<Self> {
        let text = step::capture(Command::new(client).arg("list"))?;
        serde_json::from_str(&text)
            .ok()
            .and_then(|listing| Self::read(&listing))
            .with_context(|| format!("this is not a list of peers: {text}"))
    }

    fn read(listing: &Value) -> Option<Self> {
        let text = |value: &Value, key: &str| value[key].as_str().map(str::to_owned);
        let column = |value: &Value| {
            Some(Column {
                name: text(value, "name")?,
                unit: text(value, "unit")?,
                more_is_better: value["more_is_better"].as_bool()?,
            })
        };
        let peer = |value: &Value| {
            Some(Peer {
                name: text(value, "name")?,
                package: text(value, "package")?,
                settings: text(value, "settings")?,
            })
        };
        Some(Self {
            columns: listing["columns"].as_array()?.iter().map(column).collect::<Option<_>>()?,
            peers: listing["peers"].as_array()?.iter().map(peer).collect::<Option<_>>()?,
        })
    }
}
