//! Between which bounds the settings of a hub are.

use super::Config;
use crate::{Error, ErrorKind};

impl Config {
    /// Checks every setting, and names the first that is out of its bounds.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let message = self.message_bytes_max;
        let numbers = [
            ("message_bytes_max", message, Self::MESSAGE_BYTES_MAX_BOUNDS.start),
            ("name_bytes_max", self.name_bytes_max, Self::NAME_BYTES_MAX_BOUNDS.start),
            ("unfinished_bytes_max", self.unfinished_bytes_max, message.saturating_mul(4)),
            ("outbox_bytes_max", self.outbox_bytes_max, message.saturating_mul(2)),
            ("outboxes_bytes_max", self.outboxes_bytes_max, self.outbox_bytes_max.saturating_mul(4)),
            ("connections_max", self.connections_max, Self::CONNECTIONS_MAX_BOUNDS.start),
            (
                "channels_per_connection_max",
                self.channels_per_connection_max,
                Self::CHANNELS_PER_CONNECTION_MAX_BOUNDS.start,
            ),
            ("binds_bytes_max", self.binds_bytes_max, Self::BINDS_BYTES_MAX_BOUNDS.start),
            ("all_binds_bytes_max", self.all_binds_bytes_max, self.binds_bytes_max),
            ("dedup_bytes_max", self.dedup_bytes_max, Self::DEDUP_BYTES_MAX_BOUNDS.start),
            ("admissions_max", self.admissions_max, Self::ADMISSIONS_MAX_BOUNDS.start),
            (
                "compress_from",
                self.compress_from.unwrap_or(Self::COMPRESS_FROM_SUGGESTED),
                Self::COMPRESS_FROM_BOUNDS.start,
            ),
        ];
        for (key, value, least) in numbers {
            if value < least {
                return Err(wrong(format!("{key} is {value}; it must be at least {least}")));
            }
        }
        let times = [
            ("message_timeout", self.message_timeout),
            ("stall_timeout", self.stall_timeout),
            ("sender_pause_max", self.sender_pause_max),
            ("ping_interval", self.ping_interval),
            ("pong_timeout", self.pong_timeout),
            ("close_timeout", self.close_timeout),
            ("dedup_ttl", self.dedup_ttl),
            ("admit_timeout", self.admit_timeout),
        ];
        let times = times.map(|(key, value)| (key, value, Self::TIME_BOUNDS));
        let drain = ("drain_time", self.drain_time, Self::DRAIN_TIME_BOUNDS);
        for (key, value, bounds) in times.into_iter().chain([drain]) {
            if !bounds.contains(&value) {
                let (least, most) = bounds.into_inner();
                return Err(wrong(format!("{key} is {value:?}; it must be from {least:?} to {most:?}")));
            }
        }
        self.rates.validate(message)
    }
}

fn wrong(text: String) -> Error {
    Error::new(ErrorKind::Config, text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Rate, Rates};

    #[test]
    fn every_wrong_value_is_named_with_its_bound() {
        let time = Duration::from_millis(99);
        for (config, named) in [
            (Config::default().message_bytes_max(63), "message_bytes_max is 63; it must be at least 64"),
            (Config::default().name_bytes_max(0), "name_bytes_max is 0; it must be at least 1"),
            (
                Config::default().unfinished_bytes_max(0),
                "unfinished_bytes_max is 0; it must be at least 1024000",
            ),
            (Config::default().outbox_bytes_max(1), "outbox_bytes_max is 1; it must be at least 512000"),
            (Config::default().outboxes_bytes_max(2), "outboxes_bytes_max is 2; it must be at least 4194304"),
            (Config::default().connections_max(0), "connections_max is 0; it must be at least 1"),
            (Config::default().channels_per_connection_max(0), "channels_per_connection_max is 0"),
            (Config::default().binds_bytes_max(0), "binds_bytes_max is 0; it must be at least 4096"),
            (
                Config::default().all_binds_bytes_max(1),
                "all_binds_bytes_max is 1; it must be at least 524288",
            ),
            (Config::default().dedup_bytes_max(0), "dedup_bytes_max is 0; it must be at least 65536"),
            (
                Config::default().message_timeout(time),
                "message_timeout is 99ms; it must be from 100ms to 86400s",
            ),
            (Config::default().stall_timeout(time), "stall_timeout is 99ms"),
            (Config::default().sender_pause_max(time), "sender_pause_max is 99ms"),
            (Config::default().ping_interval(time), "ping_interval is 99ms"),
            (Config::default().pong_timeout(time), "pong_timeout is 99ms"),
            (Config::default().close_timeout(time), "close_timeout is 99ms"),
            (
                Config::default().drain_time(*Config::DRAIN_TIME_BOUNDS.end() + time),
                "drain_time is 3600.099s; it must be from 0ns to 3600s",
            ),
            (Config::default().admissions_max(0), "admissions_max is 0; it must be at least 1"),
            (Config::default().compress_from(63), "compress_from is 63; it must be at least 64"),
            (Config::default().admit_timeout(time), "admit_timeout is 99ms"),
            (Config::default().dedup_ttl(*Config::TIME_BOUNDS.end() + time), "dedup_ttl is 86400.099s"),
        ] {
            let error = config.validate().expect_err(named);
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().starts_with(named), "{error}");
        }
    }

    #[test]
    fn every_wrong_rate_is_named_with_its_bound() {
        let ok = Rate::per_second(1);
        for (rates, named) in [
            (Rates::default().messages(Rate::per_second(0)), "the rate of messages is 0 per second"),
            (Rates::default().messages(ok.burst(0)), "the burst of messages is 0; it must be at least 1"),
            (Rates::default().binds(ok.burst(0)), "the burst of binds is 0; it must be at least 1"),
            (
                Rates::default().messages(ok).bytes(ok.burst(255_999)),
                "the burst of bytes is 255999; it must be at least 256000",
            ),
        ] {
            let error = Config::default().rates(rates).validate().expect_err(named);
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().starts_with(named), "{error}");
        }
        let rates = Rates::default().messages(ok).binds(ok).bytes(ok.burst(256_000));
        Config::default().rates(rates).validate().expect("each is at its bound");
    }

    #[test]
    fn bounds_follow_the_length_of_messages_and_are_never_lowered() {
        for bytes in [64, 256_000, 64 * 1024 * 1024] {
            let config = Config::default().for_messages_of(bytes);
            config.validate().expect("the bounds fit each other");
            assert_eq!(config.message_bytes_max, bytes);
            assert!(
                config.outbox_bytes_max >= 1024 * 1024 && config.unfinished_bytes_max >= 64 * 1024 * 1024
            );
        }
    }
}
