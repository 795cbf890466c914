//! Checks settings against their bounds.

use std::fmt;
use std::ops::RangeInclusive;

use super::Config;
use crate::error::{Error, ErrorKind};

impl Config {
    /// Checks the settings as a whole; the error names the setting, its value and its bounds.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let delay_min_bounds = *Self::RECONNECT_DELAY_MAX_BOUNDS.start()..=self.reconnect_delay_max;
        within("connect_timeout", &self.connect_timeout, &Self::CONNECT_TIMEOUT_BOUNDS)?;
        within("reconnect_delay_max", &self.reconnect_delay_max, &Self::RECONNECT_DELAY_MAX_BOUNDS)?;
        within("reconnect_delay_min", &self.reconnect_delay_min, &delay_min_bounds)?;
        within("ping_interval", &self.ping_interval, &Self::PING_INTERVAL_BOUNDS)?;
        within("pong_timeout", &self.pong_timeout, &Self::PONG_TIMEOUT_BOUNDS)?;
        within("send_timeout", &self.send_timeout, &Self::SEND_TIMEOUT_BOUNDS)?;
        within("call_timeout", &self.call_timeout, &Self::CALL_TIMEOUT_BOUNDS)?;
        within("message_bytes_max", &self.message_bytes_max, &Self::MESSAGE_BYTES_MAX_BOUNDS)?;
        within("received_bytes_max", &self.received_bytes_max, &Self::RECEIVED_BYTES_MAX_BOUNDS)?;
        within("unsent_max", &self.unsent_max, &Self::UNSENT_MAX_BOUNDS)?;
        within("unsent_bytes_max", &self.unsent_bytes_max, &Self::UNSENT_BYTES_MAX_BOUNDS)?;
        within("events_max", &self.events_max, &Self::EVENTS_MAX_BOUNDS)?;
        within("events_bytes_max", &self.events_bytes_max, &Self::EVENTS_BYTES_MAX_BOUNDS)?;
        within("channels_max", &self.channels_max, &Self::CHANNELS_MAX_BOUNDS)?;
        within("name_bytes_max", &self.name_bytes_max, &Self::NAME_BYTES_MAX_BOUNDS)?;
        within("calls_max", &self.calls_max, &Self::CALLS_MAX_BOUNDS)?;
        within("streams_max", &self.streams_max, &Self::STREAMS_MAX_BOUNDS)?;
        within("stream_bytes_max", &self.stream_bytes_max, &Self::STREAM_BYTES_MAX_BOUNDS)?;
        within("stream_pause_max", &self.stream_pause_max, &Self::STREAM_PAUSE_MAX_BOUNDS)?;
        if self.unsent_bytes_max < self.message_bytes_max {
            let (unsent, message) = (self.unsent_bytes_max, self.message_bytes_max);
            let text = format!("unsent_bytes_max is {unsent}; it must hold a message of {message} bytes");
            return Err(Error::new(ErrorKind::Config, text));
        }
        Ok(())
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
        let config = || Config::new("ws://127.0.0.1");
        assert!(config().validate().is_ok());
        assert_eq!(wrong(config().calls_max(0)), "calls_max is 0; it must be from 1 to 65536");
        assert_eq!(
            wrong(config().reconnect_delay_max(Duration::from_millis(5))),
            "reconnect_delay_min is 500ms; it must be from 1ms to 5ms"
        );
        assert_eq!(
            wrong(config().message_bytes_max(8 << 20)),
            "unsent_bytes_max is 4194304; it must hold a message of 8388608 bytes"
        );
    }
}
