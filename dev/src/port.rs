//! Ports on the loopback interface.

use crate::Error;
use std::{
    hash::{BuildHasher, RandomState},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    ops::Range,
};

/// Ports that systems do not choose by themselves for a connection, or for port 0. Linux begins at
/// 32768, others at 49152.
const NOT_EPHEMERAL: Range<u16> = 10_000..32_768;

/// How many ports are tried.
const ATTEMPTS: usize = 100;

/// Returns the loopback address with this port.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Finds a port that is free at the moment.
///
/// The server must know its own URL before it starts, because it is the audience of its tokens. So
/// the system cannot choose the port when the server binds it. Another process that does the same
/// may take the port before that: see [`is_free`]. Connections do not, because the port is not one
/// that the system chooses for them.
pub(crate) fn free() -> Result<u16, Error> {
    let ports = u64::from(NOT_EPHEMERAL.end - NOT_EPHEMERAL.start);
    // Each `RandomState` has other keys.
    let random = || u16::try_from(RandomState::new().hash_one(()) % ports).unwrap_or_default();
    std::iter::repeat_with(|| NOT_EPHEMERAL.start + random())
        .take(ATTEMPTS)
        .find(|port| is_free(*port))
        .ok_or_else(|| Error::start(format!("None of {ATTEMPTS} ports on 127.0.0.1 is free.")))
}

/// Whether the port is free now.
pub(crate) fn is_free(port: u16) -> bool {
    !matches!(TcpListener::bind(loopback(port)), Err(error) if error.kind() == io::ErrorKind::AddrInUse)
}

/// Returns the error for a port in use, with the option that chooses another.
pub(crate) fn in_use(port: u16, whose: &str, option: &str) -> Error {
    Error::start(format!(
        "Port {port} on 127.0.0.1, for {whose}, is already in use. Choose another with {option}."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_until_a_process_listens_on_it() {
        let listener = TcpListener::bind(loopback(0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        assert!(!is_free(port));
        let free = free().expect("a free port");
        assert!(is_free(free) && NOT_EPHEMERAL.contains(&free), "{free}");
    }

    #[test]
    fn the_error_names_the_port_and_the_option() {
        let error = in_use(3000, "the server", "--port").to_string();
        assert!(error.contains("3000") && error.contains("--port"), "{error}");
    }
}
