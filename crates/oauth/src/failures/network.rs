//! The network that a request comes from.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

/// The header with the address of the connection, as the host says it. The adapter leaves out what
/// a client sends under this name.
pub(super) const CONNECTION: HeaderName = HeaderName::from_static("spin-client-addr");

/// The network of whoever sent a request with these headers: an IPv4 address, or the first half of
/// an IPv6 address, of which one sender has the other half.
///
/// It is what the proxy in front says in `header`, if the operator names one. A proxy appends the
/// address that it sees, so only the last one counts. What is no address may be the client's own
/// text, so then the address of the connection counts.
pub(super) fn network(headers: &HeaderMap, header: Option<&HeaderName>) -> String {
    let by_proxy = header.and_then(|header| parse(last_entry(headers, header)));
    let connection = last_entry(headers, &CONNECTION);
    match by_proxy.or_else(|| parse(connection)) {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
        None => connection.to_owned(),
    }
}

/// The last entry of a list that may be spread over several header fields.
fn last_entry<'a>(headers: &'a HeaderMap, header: &HeaderName) -> &'a str {
    let last = headers.get_all(header).iter().next_back();
    let text = last.and_then(|it| it.to_str().ok()).unwrap_or_default();
    text.rsplit(',').next().unwrap_or_default().trim()
}

/// An address with or without a port. IPv4 within IPv6 is IPv4.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(text);
    let address = text.parse().map(|it: SocketAddr| it.ip()).or_else(|_| bare.parse());
    address.ok().map(|it: IpAddr| it.to_canonical())
}

#[cfg(test)]
mod tests;
