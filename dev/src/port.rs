//! Ports on the loopback interface.

use crate::Error;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

/// Returns the loopback address with this port.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Finds a port that is free at the moment.
///
/// The server must know its own URL before it starts, because it is the audience of its tokens. So
/// the system cannot choose the port when the server binds it. Another process may take the port
/// before that: see [`is_free`].
pub(crate) fn free() -> Result<u16, Error> {
    let bound = TcpListener::bind(loopback(0)).and_then(|listener| listener.local_addr());
    bound
        .map(|address| address.port())
        .map_err(|error| Error::start(format!("Cannot find a free port: {error}")))
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
        assert!(is_free(free().expect("a free port")));
    }

    #[test]
    fn the_error_names_the_port_and_the_option() {
        let error = in_use(3000, "the server", "--port").to_string();
        assert!(error.contains("3000") && error.contains("--port"), "{error}");
    }
}
