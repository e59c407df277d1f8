//! The network that a request comes from.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::{HeaderMap, HeaderName};

/// The header with the address of the connection, as the host says it. The adapter leaves out what
/// a client sends under this name.
pub(super) const CONNECTION: HeaderName = HeaderName::from_static("spin-client-addr");

/// The network of whoever sent a request with these headers: an IPv4 address, or the first 56 bits
/// of an IPv6 address, of which one subscriber usually has the others. `None` if nobody says it.
///
/// It is what the proxy in front says in `header`, if the operator names one. A proxy appends the
/// address that it sees, so only the last one counts. What is no address may be the client's own
/// text, so then the address of the connection counts.
pub(super) fn network(headers: &HeaderMap, header: Option<&HeaderName>) -> Option<String> {
    let by_proxy = header.and_then(|header| last_address(headers, header));
    Some(match by_proxy.or_else(|| last_address(headers, &CONNECTION))? {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{:x}", d & 0xff00)
        }
    })
}

/// The last entry of a list that may be spread over several header fields. The entries before it
/// may be the client's own bytes.
fn last_address(headers: &HeaderMap, header: &HeaderName) -> Option<IpAddr> {
    let field = headers.get_all(header).iter().next_back()?;
    let last = field.as_bytes().rsplit(|byte| *byte == b',').next()?;
    parse(str::from_utf8(last).ok()?.trim())
}

/// An address with or without a port. What stands for an IPv4 address (RFC 4291, section 2.5.5.2;
/// RFC 6052, section 2.1) is that.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(text);
    let address = text.parse().map(|it: SocketAddr| it.ip()).or_else(|_| bare.parse());
    match address.ok().map(|it: IpAddr| it.to_canonical())? {
        IpAddr::V6(address) => Some(match address.octets() {
            [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => {
                Ipv4Addr::new(a, b, c, d).into()
            }
            _ => address.into(),
        }),
        address => Some(address),
    }
}

#[cfg(test)]
mod tests;
