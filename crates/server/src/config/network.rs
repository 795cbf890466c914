//! Networks that are trusted, by address and length of their prefix.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// A network, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network(IpNet);

impl Network {
    /// Whether an address is in it; one of IPv4 that is written as IPv6 counts as IPv4.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = match text.parse::<IpAddr>() {
            Ok(address) => Ok(IpNet::from(address.to_canonical())),
            Err(_) => text.parse::<IpNet>(),
        };
        let network = network.map_err(|_| {
            "is not a list of networks; give addresses or networks like 127.0.0.1 or 10.0.0.0/8, separated by \
             commas"
                .to_owned()
        })?;
        // Addresses of IPv4 that come as IPv6 are taken for what they are, so none is in it.
        if let IpNet::V6(mapped) = network
            && mapped.addr().to_ipv4_mapped().is_some()
        {
            return Err(format!("has {text}, which is of IPv4; write it like 10.0.0.0/8"));
        }
        // Whoever writes 10.0.0.7/8 means the one or the other, and the difference is who is
        // trusted.
        if network != network.trunc() {
            let (whole, address) = (network.trunc(), network.addr());
            return Err(format!("has {text}; give the network {whole} or the address {address}"));
        }
        if network.prefix_len() == 0 {
            return Err(format!("has {text}, by which everybody would be trusted; name your proxies"));
        }
        Ok(Self(network))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// Reads networks with commas between them.
pub(super) fn networks(text: &str) -> Result<Vec<Network>, String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_its_networks_in_either_notation() {
        let networks = networks("10.0.0.0/8, ::1,192.0.2.7").unwrap();
        let is_in = |address: &str| {
            let address: IpAddr = address.parse().unwrap();
            networks.iter().any(|network| network.contains(address))
        };
        for inside in ["10.1.2.3", "::ffff:10.1.2.3", "::1", "192.0.2.7"] {
            assert!(is_in(inside), "{inside}");
        }
        for outside in ["11.0.0.1", "::2", "192.0.2.8", "127.0.0.1", "::10.1.2.3"] {
            assert!(!is_in(outside), "{outside}");
        }
    }

    #[test]
    fn what_is_no_network_or_everybody_is_refused() {
        for wrong in ["proxy", "10.0.0.0/33", "10.0.0.7/8", "0.0.0.0/0", "::/0", "10.0.0.0/8;10.0.0.1"] {
            assert!(networks(wrong).is_err(), "{wrong}");
        }
        // It would be in use and trust nobody.
        assert!(networks("::ffff:10.0.0.0/104").is_err());
        assert_eq!(networks("").unwrap(), []);
    }
}
