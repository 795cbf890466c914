//! A write to Redis without an effect, by which a check tries it.

use redis::Cmd;

/// Returns a command that Redis refuses whenever it refuses writes, and that changes nothing.
///
/// It changes the score of a member that is not there, and makes none. Redis looks first whether
/// the user may write to the key, whether it is a replica, and whether it has memory.
pub(crate) fn without_effect(key: &str) -> Cmd {
    let mut command = redis::cmd("ZADD");
    command.arg(key).arg("XX").arg(0).arg("nobody");
    command
}
