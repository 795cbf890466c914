//! Whether a Redis is new enough.

use redis_link::Link;

use crate::{Error, ErrorKind, Result};

/// The first version that knows scripts which begin with `#!lua`.
///
/// Such a script is refused as a whole where it could not be done as a whole, as on a server
/// without memory.
pub(in crate::distributed) const VERSION_MIN: u32 = 7;

/// Refuses a Redis of which a server is older than the major version `least`.
///
/// A server that does not say its version is used: what it lacks shows when it is called.
///
/// # Errors
///
/// [`Config`](ErrorKind::Config) if one is too old.
pub(super) async fn check(link: &Link, least: u32) -> Result<()> {
    let mut info = redis::cmd("INFO");
    info.arg("server");
    for (server, answer) in link.each_master(&info).await {
        let info: String = match answer {
            Ok(answer) => redis::from_redis_value(answer).unwrap_or_default(),
            Err(error) => {
                tracing::debug!(
                    %server,
                    error = %format_args!("{error:#}"),
                    "redis cannot be asked for its version; it is used all the same"
                );
                continue;
            }
        };
        if let Some(version) = too_old(&info, least) {
            let text = format!(
                "redis at {server} is version {version}; sequences need {least}.0 or later, for a script \
                 that begins with #!lua: upgrade it"
            );
            return Err(Error::new(ErrorKind::Config, text));
        }
    }
    Ok(())
}

/// Returns the version that `INFO server` names, if that is older than `least`.
fn too_old(info: &str, least: u32) -> Option<&str> {
    let version = info.lines().find_map(|line| line.trim().strip_prefix("redis_version:"))?;
    let major: u32 = version.split('.').next()?.parse().ok()?;
    (major < least).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_6_is_too_old() {
        let info =
            |version: &str| format!("# Server\r\nredis_version:{version}\r\nredis_mode:standalone\r\n");
        assert_eq!(too_old(&info("6.2.14"), VERSION_MIN), Some("6.2.14"));
        assert_eq!(too_old(&info("7.0.0"), VERSION_MIN), None);
        assert_eq!(too_old(&info("10.1"), VERSION_MIN), None);
        assert_eq!(too_old("# Server\r\n", VERSION_MIN), None);
    }
}
