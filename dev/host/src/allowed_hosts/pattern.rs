//! One entry of `allowed_outbound_hosts`: `scheme://host[:port]`, with wildcards in each part.

use crate::chaining;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// A set of destinations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// `None` matches any scheme.
    scheme: Option<String>,
    host: Host,
    ports: Ports,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Any,
    Name(String),
    /// `*.example.com`, stored as `.example.com`. It does not match `example.com` itself.
    Subdomains(String),
    /// `*.spin.internal`: every component of the application.
    Components,
    /// An address, or a network such as `10.0.0.0/8`.
    Network(IpAddr, u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ports {
    Any,
    One(u16),
    /// `8000..9000`, which excludes 9000.
    Range(Range<u16>),
}

impl Pattern {
    /// Parses an entry. The error says what is wrong with it.
    pub(super) fn parse(entry: &str) -> Result<Self, String> {
        let (scheme, rest) = entry.trim().split_once("://").ok_or(
            "must have the form <scheme>://<host>[:<port>], with '*' as a wildcard for each",
        )?;
        let (host, port) = split_port(rest);
        let ports = Ports::parse(port, scheme)?;
        let scheme = match scheme {
            "*" => None,
            _ if scheme.is_empty() || scheme.chars().any(|c| !c.is_alphabetic()) => {
                return Err(format!("invalid scheme {scheme:?}"));
            }
            _ => Some(scheme.to_owned()),
        };
        let host = Host::parse(host)?;
        Ok(Self { scheme, host, ports })
    }

    /// Whether the destination is in the set. `components` are those of the application.
    pub(super) fn matches(
        &self,
        scheme: &str,
        host: &str,
        port: Option<u16>,
        components: &BTreeSet<String>,
    ) -> bool {
        let port = port.or_else(|| default_port(scheme));
        self.scheme.as_deref().is_none_or(|own| own == scheme)
            && self.host.matches(host, components)
            && self.ports.match_port(port)
    }
}

impl Host {
    fn parse(host: &str) -> Result<Self, String> {
        if host == "*" {
            return Ok(Self::Any);
        }
        if host == "self" || host == "self.alt" {
            return Err("requests to the application's own routes are not supported".into());
        }
        if let Some(network) = parse_network(host) {
            return Ok(network);
        }
        let host = host.strip_suffix('/').unwrap_or(host);
        if host.contains('/') {
            return Err("must not include a path".to_owned());
        }
        if let Some(address) = parse_address(host) {
            return Ok(Self::Network(address, bits(address)));
        }
        if chaining::target(host) == Some("*") {
            return Ok(Self::Components);
        }
        if let Some(domain) = host.strip_prefix("*.") {
            return Ok(Self::Subdomains(format!(".{}", parse_name(domain)?)));
        }
        if host.contains('*') {
            return Err("wildcards are allowed only as subdomains".to_owned());
        }
        parse_name(host).map(Self::Name)
    }

    fn matches(&self, host: &str, components: &BTreeSet<String>) -> bool {
        let address = parse_address(host);
        match self {
            Self::Any => true,
            Self::Name(own) => host.eq_ignore_ascii_case(own),
            Self::Subdomains(suffix) => {
                address.is_none() && host.to_ascii_lowercase().ends_with(suffix.as_str())
            }
            Self::Components => chaining::target(host).is_some_and(|id| components.contains(id)),
            Self::Network(network, prefix) => {
                address.is_some_and(|address| in_network(address, *network, *prefix))
            }
        }
    }
}

impl Ports {
    fn parse(port: &str, scheme: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is not a port"));
        match port {
            "*" => Ok(Self::Any),
            "" => default_port(scheme)
                .map(Self::One)
                .ok_or_else(|| format!("must have a port, because {scheme:?} has no default port")),
            _ => match port.split_once("..") {
                Some((start, end)) => Ok(Self::Range(number(start)?..number(end)?)),
                None => number(port).map(Self::One),
            },
        }
    }

    fn match_port(&self, port: Option<u16>) -> bool {
        match (self, port) {
            (Self::Any, _) => true,
            (Self::One(own), Some(port)) => *own == port,
            (Self::Range(own), Some(port)) => own.contains(&port),
            (_, None) => false,
        }
    }
}

/// Splits `host:port`, leaving the colons of an IPv6 address in brackets alone.
fn split_port(rest: &str) -> (&str, &str) {
    match rest.rsplit_once(':') {
        Some((host, _)) if host.contains('[') && !host.contains(']') => (rest, ""),
        Some((host, port)) => (host, port.strip_suffix('/').unwrap_or(port)),
        None => (rest, ""),
    }
}

fn parse_name(name: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let numeric_end = name.rsplit('.').next().is_some_and(|label| label.parse::<u64>().is_ok());
    if name.is_empty() || name.starts_with('.') || numeric_end || !name.chars().all(allowed) {
        return Err(format!("invalid host {name:?}"));
    }
    Ok(name.to_ascii_lowercase())
}

fn parse_address(host: &str) -> Option<IpAddr> {
    let in_brackets = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    match in_brackets {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

fn parse_network(host: &str) -> Option<Host> {
    let (address, prefix) = host.split_once('/')?;
    let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
    let prefix = prefix.parse().ok()?;
    (prefix <= bits(address)).then_some(Host::Network(address, prefix))
}

fn bits(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn in_network(address: IpAddr, network: IpAddr, prefix: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            (a.to_bits() ^ n.to_bits()) & mask == 0
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            (a.to_bits() ^ n.to_bits()) & mask == 0
        }
        _ => false,
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "postgres" => Some(5432),
        "mysql" => Some(3306),
        "redis" => Some(6379),
        "mqtt" => Some(1883),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `entry` allows a request to `url`.
    fn allows(entry: &str, url: &str) -> bool {
        let url: http::Uri = url.parse().unwrap();
        let scheme = url.scheme_str().unwrap();
        let components = BTreeSet::from(["tool".to_owned()]);
        let pattern = Pattern::parse(entry).unwrap();
        pattern.matches(scheme, url.host().unwrap(), url.port_u16(), &components)
    }

    #[test]
    fn scheme_host_and_port_must_all_match() {
        assert!(allows("https://api.example", "https://api.example/x"));
        assert!(!allows("https://api.example", "http://api.example/x"));
        assert!(!allows("https://api.example", "https://api.example:8443/"));
        assert!(!allows("https://api.example", "https://other.example/"));
        assert!(!allows("https://api.example", "https://api.example.evil.example/"));
    }

    #[test]
    fn the_default_port_depends_on_the_scheme() {
        assert!(allows("https://a.example:443", "https://a.example/"));
        assert!(allows("http://a.example", "http://a.example:80/"));
        assert!(!allows("http://a.example:443", "http://a.example/"));
    }

    #[test]
    fn a_host_matches_regardless_of_case() {
        assert!(allows("https://API.example", "https://api.EXAMPLE/"));
    }

    #[test]
    fn a_host_is_compared_as_written_and_never_looked_up() {
        assert!(!allows("http://localhost:4000", "http://127.0.0.1:4000/"));
        assert!(!allows("http://127.0.0.1:4000", "http://localhost:4000/"));
    }

    #[test]
    fn a_subdomain_wildcard_leaves_the_domain_itself_out() {
        assert!(allows("https://*.example.com", "https://a.example.com/"));
        assert!(allows("https://*.example.com", "https://a.b.example.com/"));
        assert!(!allows("https://*.example.com", "https://example.com/"));
        assert!(!allows("https://*.example.com", "https://badexample.com/"));
    }

    #[test]
    fn each_part_may_be_a_wildcard() {
        assert!(allows("*://*:*", "http://a.example:1/"));
        assert!(allows("https://*", "https://a.example/"));
        assert!(!allows("https://*", "https://a.example:1/"));
        assert!(allows("http://127.0.0.1:*", "http://127.0.0.1:59999/"));
    }

    #[test]
    fn a_port_range_excludes_its_end() {
        assert!(allows("http://a.example:8000..8002", "http://a.example:8000/"));
        assert!(allows("http://a.example:8000..8002", "http://a.example:8001/"));
        assert!(!allows("http://a.example:8000..8002", "http://a.example:8002/"));
    }

    #[test]
    fn addresses_and_networks_match() {
        assert!(allows("http://[::1]:4000", "http://[0:0::1]:4000/"));
        assert!(allows("http://[::1]", "http://[::1]/"));
        assert!(allows("http://10.0.0.0/8:8080", "http://10.200.3.4:8080/"));
        assert!(!allows("http://10.0.0.0/8:8080", "http://11.0.0.1:8080/"));
        assert!(!allows("http://10.0.0.0/8", "http://ten.example/"));
        assert!(allows("http://0.0.0.0/0", "http://8.8.8.8/"));
    }

    #[test]
    fn a_final_slash_is_tolerated() {
        assert!(allows("https://api.example/", "https://api.example/"));
        assert!(allows("https://api.example:8443/", "https://api.example:8443/"));
    }

    #[test]
    fn invalid_entries_are_refused() {
        for entry in [
            "",
            "*",
            "api.example",
            "api.example:443",
            "https://",
            "https://api.example/path",
            "https://api.example:8443/path",
            "https://api.example:port",
            "https://api.example:99999",
            "https://a.*.example",
            "https://*.",
            "https://user@api.example",
            "https://300.1.1.1",
            "ht tp://api.example",
            "gopher://api.example",
            "*://api.example",
            "http://[::1junk",
            "http://self",
        ] {
            assert!(Pattern::parse(entry).is_err(), "{entry:?}");
        }
    }
}
