//! Requests of one component of the application to another: `http://<component>.spin.internal`.

use crate::server::Server;
use http::{Request, Response};
use std::sync::{Arc, OnceLock, Weak};
use wasmtime_wasi_http::WasiBody;

/// Where components reach the others. Empty until the application serves requests.
#[derive(Clone, Default)]
pub(crate) struct Chaining(Arc<OnceLock<Weak<Server>>>);

impl Chaining {
    /// Connects the components to the application.
    pub(crate) fn connect(&self, server: &Arc<Server>) {
        // It is connected once, by the host that made it.
        let _ = self.0.set(Arc::downgrade(server));
    }

    /// Sends a request to a component. `None` if there is no such component.
    pub(crate) async fn send(
        &self,
        component: &str,
        request: Request<WasiBody>,
    ) -> Option<Response<WasiBody>> {
        let server = self.0.get()?.upgrade()?;
        server.chained(component, request).await
    }
}

impl std::fmt::Debug for Chaining {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chaining").finish_non_exhaustive()
    }
}

/// The component that a host name, with or without a port, stands for.
pub(crate) fn target(host: &str) -> Option<&str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let (component, domain) = name.split_once('.')?;
    (domain == "spin.internal").then_some(component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_directly_below_the_internal_domain_stands_for_a_component() {
        assert_eq!(target("tool.spin.internal"), Some("tool"));
        assert_eq!(target("tool.spin.internal:80"), Some("tool"));
        for host in ["spin.internal", "a.tool.spin.internal", "tool.spin.internal.example", "tool"]
        {
            assert_eq!(target(host), None, "{host}");
        }
    }
}
