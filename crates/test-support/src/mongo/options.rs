//! What can be asked of a MongoDB.

use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bson::Document;
use bson::doc;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// How a MongoDB of ours is to be; by default it is open to all.
///
/// With users it lets nobody else in, and a user do what the role allows.
#[derive(Debug, Clone, Default)]
pub struct MongoOptions {
    pub(super) users: Vec<MongoUser>,
}

#[derive(Debug, Clone)]
pub(super) struct MongoUser {
    pub(super) name: String,
    pub(super) password: String,
    role: &'static str,
}

impl MongoOptions {
    /// Creates the options of one that is open to all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the user `tidings`, who may do everything; the server's URL is that user's.
    #[must_use]
    pub fn password(self, password: impl Into<String>) -> Self {
        self.user("tidings", password, "root")
    }

    /// Adds a user who may read everything and write nothing.
    #[must_use]
    pub fn reader(self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.user(name, password, "readAnyDatabase")
    }

    fn user(mut self, name: impl Into<String>, password: impl Into<String>, role: &'static str) -> Self {
        self.users.push(MongoUser { name: name.into(), password: password.into(), role });
        self
    }
}

impl MongoUser {
    /// Returns the command that makes the user, whom a server that is killed right after it knows.
    pub(super) fn create(&self) -> Document {
        doc! {
            "createUser": &self.name,
            "pwd": &self.password,
            "roles": [{ "role": self.role, "db": "admin" }],
            "writeConcern": { "w": "majority", "j": true },
        }
    }
}

/// The file that says whether a server lets everybody in: users are made while it does.
pub(super) const SETTINGS_FILE: &str = "settings.yaml";

/// Has a server let everybody in when it is started.
pub(super) fn open_to_all(directory: &Path) -> Result<()> {
    let written = fs::write(directory.join(SETTINGS_FILE), "security:\n  authorization: disabled\n");
    written.map_err(unwritten)
}

/// Has a server let nobody but its users in when it is started the next time.
pub(super) fn open_to_users(directory: &Path) -> Result<()> {
    let key = directory.join("key");
    // Members of a replica set know each other by it; others must not be able to read it.
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&key);
    let written = file.and_then(|mut file| file.write_all(b"c2VjcmV0IG9mIGEgdGVzdA=="));
    let settings =
        format!("security:\n  authorization: enabled\n  keyFile: {:?}\n", key.display().to_string());
    written.and_then(|()| fs::write(directory.join(SETTINGS_FILE), settings)).map_err(unwritten)
}

fn unwritten(error: io::Error) -> Error {
    Error::because(ErrorKind::Unavailable, "the settings of a mongod cannot be written", error)
}
