//! A version of Rust.

use std::fmt;

/// A release of Rust, as `rust-version` names it: 1.88 or 1.88.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release([u32; 3]);

impl Release {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = [0; 3];
        let mut parts = text.split('.');
        for number in &mut numbers {
            *number = parts.next().map_or(Some(0), |part| part.parse().ok())?;
        }
        parts.next().is_none().then_some(Self(numbers))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([major, minor, patch]) = self;
        write!(out, "{major}.{minor}")?;
        if *patch > 0 { write!(out, ".{patch}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_have_an_order_and_one_way_to_be_written() {
        let release = |text| Release::parse(text).unwrap();
        assert!(release("1.9") < release("1.88") && release("1.88") < release("1.88.1"));
        assert_eq!(release("1.88.0"), release("1.88"));
        assert_eq!([release("1.88.0").to_string(), release("1.88.1").to_string()], ["1.88", "1.88.1"]);
        assert_eq!([Release::parse("stable"), Release::parse("1.88.0.1")], [None, None]);
    }
}
