//! Ports that no two tests get at the same time.

use std::env;
use std::fs;
use std::fs::File;
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::io;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// The ports that servers of tests get: the system gives none of these to outgoing connections, so
/// that a server which is started again finds its port free.
const PORTS: Range<u16> = 10_240..32_768;

/// How many ports may be taken before there is none.
const PORTS_TAKEN_MAX: usize = 100;

/// The locks of the ports that this process was given.
static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// Returns a port of the loopback address that nobody listens on.
///
/// It stays with this process until its end, so that a server which is killed and started again
/// finds it free: no other test of any process gets it. A program that is no test may still take
/// it, so whoever starts a server tries again with another port.
///
/// # Errors
///
/// `Unavailable` if there is no free port, or no place for the locks.
pub fn free_port() -> Result<u16> {
    let mut last = None;
    for tried in 0..PORTS_TAKEN_MAX {
        // Random and not in a row: several test processes look for ports at the same time.
        let random = RandomState::new().hash_one(tried);
        let count = u64::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(random % count).unwrap_or_default();
        match reserve(port) {
            Ok(lock) => {
                HELD.lock().unwrap_or_else(PoisonError::into_inner).push(lock);
                return Ok(port);
            }
            Err(error) => last = Some(error),
        }
    }
    let message = format!("no free port from {} to {}", PORTS.start, PORTS.end - 1);
    Err(match last {
        Some(error) => Error::because(ErrorKind::Unavailable, message, error),
        None => Error::new(ErrorKind::Unavailable, message),
    })
}

/// Locks a port for this process, if nobody has it or listens on it.
///
/// The system gives the lock back when the process ends, however that happens.
fn reserve(port: u16) -> io::Result<File> {
    // Users may not write into each other's folders.
    let user = rustix::process::getuid().as_raw();
    let folder = env::temp_dir().join(format!("tidings-ports-{user}"));
    fs::create_dir_all(&folder)?;
    let lock = File::create(folder.join(port.to_string()))?;
    lock.try_lock()?;
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_though_nobody_listens_on_it() {
        let port = free_port().unwrap();
        assert_eq!(reserve(port).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
