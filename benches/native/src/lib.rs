//! The same four tools in a native server, written in the usual way for `rmcp`, `axum` and
//! `jsonwebtoken`.
//!
//! It verifies each token and checks its scopes. It looks up no permissions and caches no verified
//! tokens.

mod calendar;
mod token;
mod tools;

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, middleware};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{token::Verifier, tools::Tools};

/// The tenant that the server trusts, and its own client there.
#[derive(Clone)]
pub struct Tenant {
    /// `iss` of the tokens, with a slash at its end.
    pub issuer: String,
    /// `aud` of the tokens.
    pub audience: String,
    /// The client ID.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
}

/// A running server. It stops when it is dropped.
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Gets the tenant's keys and starts on a free port of loopback, on the current runtime.
    ///
    /// # Errors
    ///
    /// Returns a message if the keys cannot be fetched or no port is free.
    pub async fn start(tenant: Tenant) -> Result<Self, String> {
        let verifier = Arc::new(Verifier::new(&tenant).await?);
        let tools = Tools::new(tenant);
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true);
        let sessions = Arc::new(LocalSessionManager::default());
        let service = StreamableHttpService::new(move || Ok(tools.clone()), sessions, config);
        let router = Router::new()
            .nest_service("/mcp", service)
            .layer(middleware::from_fn_with_state(verifier, token::authenticate));
        let failed = |error: std::io::Error| error.to_string();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let task = tokio::spawn(async move {
            use axum::serve::ListenerExt;
            let listener = listener.tap_io(|stream| {
                // If this fails, the socket still works, but is slower.
                let _ = stream.set_nodelay(true);
            });
            // The server runs until the task is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, task })
    }

    /// The address on which the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
