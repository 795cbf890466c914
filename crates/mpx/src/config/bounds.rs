//! Checks settings against their bounds.

use std::fmt;
use std::ops::RangeInclusive;

use super::Config;
use crate::error::{Error, ErrorKind};

impl Config {
    /// Checks the settings as a whole; the error names the setting, its value and its bounds.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        if let Err(error) = &self.source {
            return Err(error.clone());
        }
        let backoff_min_bounds = *Self::BACKOFF_MAX_BOUNDS.start()..=self.backoff_max;
        within("ping_timeout", &self.ping_timeout, &Self::PING_TIMEOUT_BOUNDS)?;
        within("connect_timeout", &self.connect_timeout, &Self::CONNECT_TIMEOUT_BOUNDS)?;
        within("backoff_max", &self.backoff_max, &Self::BACKOFF_MAX_BOUNDS)?;
        within("backoff_min", &self.backoff_min, &backoff_min_bounds)?;
        within("batch_max", &self.batch_max, &Self::BATCH_MAX_BOUNDS)?;
        within("queue_max", &self.queue_max, &Self::QUEUE_MAX_BOUNDS)?;
        within("message_max", &self.message_max, &Self::MESSAGE_MAX_BOUNDS)?;
        within("pending_max", &self.pending_max, &Self::PENDING_MAX_BOUNDS)
    }
}

fn within<T: fmt::Debug + PartialOrd>(
    setting: &str,
    value: &T,
    bounds: &RangeInclusive<T>,
) -> Result<(), Error> {
    if !bounds.contains(value) {
        let (min, max) = (bounds.start(), bounds.end());
        let message = format!("{setting} is {value:?}; it must be from {min:?} to {max:?}");
        return Err(Error::new(ErrorKind::Config, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
