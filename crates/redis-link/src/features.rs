//! Which kinds of address this program was built for.

/// The features of this crate that an address may need.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Features {
    pub(crate) cluster: bool,
    pub(crate) sentinel: bool,
    pub(crate) tls: bool,
}

impl Features {
    /// The features that this program was built with.
    pub(crate) const BUILT: Self = Self {
        cluster: cfg!(feature = "cluster"),
        sentinel: cfg!(feature = "sentinel"),
        tls: cfg!(feature = "tls"),
    };

    /// Returns what is wrong with a scheme that needs a feature which is off.
    pub(crate) fn fault(self, scheme: &str) -> Option<&'static str> {
        let tls = scheme.starts_with("rediss") || scheme == "valkeys";
        if tls && !self.tls {
            Some("asks for TLS, and this program was built without it; build it with the feature `tls`")
        } else if scheme.ends_with("-cluster") && !self.cluster {
            Some(
                "is of a cluster, and this program was built without them; build it with the feature `cluster`",
            )
        } else if scheme.ends_with("-sentinel") && !self.sentinel {
            Some(
                "names sentinels, and this program was built without them; build it with the feature `sentinel`",
            )
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_that_needs_what_was_not_built_in_is_told_the_feature() {
        let none = Features { cluster: false, sentinel: false, tls: false };
        for (scheme, feature) in [
            ("rediss", "`tls`"),
            ("valkeys", "`tls`"),
            ("rediss-cluster", "`tls`"),
            ("redis-cluster", "`cluster`"),
            ("redis-sentinel", "`sentinel`"),
        ] {
            assert!(none.fault(scheme).is_some_and(|fault| fault.contains(feature)), "{scheme}");
            let all = Features { cluster: true, sentinel: true, tls: true };
            assert_eq!(all.fault(scheme), None);
        }
        for scheme in ["redis", "valkey", "redis+unix", "unix", "http"] {
            assert_eq!(none.fault(scheme), None);
        }
    }
}
