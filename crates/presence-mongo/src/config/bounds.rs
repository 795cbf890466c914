//! Checks settings against their bounds.

use std::fmt;
use std::ops::RangeInclusive;

use presence_core::tracker;

use super::Config;
use crate::error::{Error, ErrorKind};
use crate::namespace::Namespace;
use crate::slots::Period;

/// How long the name of a base may be, in bytes: those of its collections have at most 120.
const BASE_MAX: usize = 100;

impl Config {
    /// Checks the settings as a whole; the error names the setting, its value and its bounds.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        within("slot", &self.slot, &Self::SLOT_BOUNDS)?;
        if self.slot.subsec_nanos() != 0 {
            let message =
                format!("slot is {:?}; it must be whole seconds, as documents count them", self.slot);
            return Err(Error::new(ErrorKind::Config, message));
        }
        within("sync_timeout", &self.sync_timeout, &Self::SYNC_TIMEOUT_BOUNDS)?;
        if let Some(interval) = &self.prune_interval {
            within("prune_interval", interval, &Self::PRUNE_INTERVAL_BOUNDS)?;
        }
        let is_fine = !self.base.is_empty()
            && self.base.len() <= BASE_MAX
            && !self.base.starts_with("system.")
            && !self.base.contains(['$', '\0']);
        if !is_fine {
            let message = format!(
                "base is {:?}; it must have 1 to {BASE_MAX} bytes, no \"$\", and not begin with \"system.\"",
                self.base
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        self.first_namespace().map(drop)
    }

    /// Returns the namespace of the base that is started.
    pub(crate) fn first_namespace(&self) -> Result<Namespace, Error> {
        self.namespace.as_deref().map_or_else(|| Ok(Namespace::default()), Namespace::named)
    }

    /// Returns the length of a time slot.
    pub(crate) fn period(&self) -> Period {
        Period::new(u32::try_from(self.slot.as_secs()).unwrap_or(u32::MAX))
    }
}

fn within<T: fmt::Debug + PartialOrd>(
    setting: &str,
    value: &T,
    bounds: &RangeInclusive<T>,
) -> Result<(), Error> {
    tracker::within(presence_core::ErrorKind::Config, setting, value, bounds)
        .map_err(|wrong| Error::new(ErrorKind::Config, wrong.to_string()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_error_names_the_setting_its_value_and_its_bounds() {
        let config = || Config::new("mongodb://127.0.0.1");
        let wrong = |config: Config| config.validate().unwrap_err().to_string();
        assert!(config().validate().is_ok());
        assert!(config().prune_interval(None).validate().is_ok());
        assert_eq!(wrong(config().slot(Duration::ZERO)), "slot is 0ns; it must be from 1s to 3600s");
        assert_eq!(
            wrong(config().slot(Duration::from_millis(1_500))),
            "slot is 1.5s; it must be whole seconds, as documents count them"
        );
        assert!(wrong(config().base("a$b")).starts_with("base is \"a$b\""));
        assert!(wrong(config().namespace("a:b")).contains("colons"));
        assert!(wrong(config().prune_interval(Duration::ZERO)).starts_with("prune_interval is 0ns"));
    }
}
