//! Checks settings against their bounds.

use std::fmt;
use std::time::Duration;

use super::Config;
use crate::error::{Error, ErrorKind};

impl Config {
    /// Checks the settings as a whole; the error names the setting, its value and its bounds.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        if let Err(error) = &self.source {
            return Err(error.clone());
        }
        let (ms, minutes) = (Duration::from_millis(1), Duration::from_secs(10 * 60));
        within("ping_timeout", self.ping_timeout, ms, Duration::from_secs(24 * 60 * 60))?;
        within("connect_timeout", self.connect_timeout, ms, minutes)?;
        within("backoff_max", self.backoff_max, ms, minutes)?;
        within("backoff_min", self.backoff_min, ms, self.backoff_max)?;
        within("batch_max", self.batch_max, 1, 4_096)?;
        within("queue_max", self.queue_max, 1, 1 << 32)?;
        within("message_max", self.message_max, 64, 1 << 32)?;
        within("pending_max", self.pending_max, 1 << 10, 1 << 28)
    }
}

fn within<T: Copy + PartialOrd + fmt::Debug>(setting: &str, value: T, min: T, max: T) -> Result<(), Error> {
    if value < min || value > max {
        let message = format!("{setting} is {value:?}; it must be from {min:?} to {max:?}");
        return Err(Error::new(ErrorKind::Config, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_setting_its_value_and_its_bounds() {
        let wrong = |config: Config| config.validate().unwrap_err().to_string();
        let config = || Config::new("redis://127.0.0.1");
        assert!(config().validate().is_ok());
        assert_eq!(wrong(config().queue_max(0)), "queue_max is 0; it must be from 1 to 4294967296");
        assert_eq!(
            wrong(config().backoff_max(Duration::from_millis(5))),
            "backoff_min is 8ms; it must be from 1ms to 5ms"
        );
        assert_eq!(
            wrong(config().ping_timeout(Duration::ZERO)),
            "ping_timeout is 0ns; it must be from 1ms to 86400s"
        );
        // It is said by the start, as everything else.
        assert!(wrong(Config::new("http://127.0.0.1")).starts_with("the address is not that of a redis"));
    }
}
