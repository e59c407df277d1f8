//! The Management API (`/api/v2`), read with a token of this server's own.

use std::{cell::RefCell, fmt};

use ::http::{Request, StatusCode, header};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::token_endpoint::{IssuedToken, TokenEndpointFault, request_token};
use crate::{
    config::Config,
    host::{Host, HttpFailure, Limits},
};

/// A token is not used in its last seconds: it must still hold when it arrives.
const EXPIRY_MARGIN_SECONDS: u64 = 60;

/// Everything but the unreserved characters of RFC 3986.
const PATH_SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The Management token of this instance, and whose it is.
#[derive(Debug, Default)]
pub struct ManagementMemory(RefCell<Option<(String, IssuedToken)>>);

/// Why the Management API gave no usable answer. It is for the operator's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManagementFault {
    /// The answer is not what the API documents.
    Malformed,
    /// Another status than 200.
    Status(StatusCode),
    /// There is no token to ask with.
    Token(TokenEndpointFault),
    /// No answer.
    Unavailable(HttpFailure),
}

/// The Management API, with a token at hand.
pub(super) struct Management<'a> {
    host: &'a dyn Host,
    config: &'a Config,
    memory: &'a ManagementMemory,
    token: IssuedToken,
}

impl<'a> Management<'a> {
    /// Takes the remembered token, or asks for one.
    ///
    /// # Errors
    ///
    /// [`ManagementFault::Token`].
    pub(super) async fn open(
        host: &'a dyn Host,
        config: &'a Config,
        memory: &'a ManagementMemory,
    ) -> Result<Self, ManagementFault> {
        let token = memory.token(host, config).await.map_err(ManagementFault::Token)?;
        Ok(Self { host, config, memory, token })
    }

    /// Reads `path` (below `/api/v2/`) as JSON.
    ///
    /// # Errors
    ///
    /// See [`ManagementFault`].
    pub(super) async fn read(&self, path: &str) -> Result<Value, ManagementFault> {
        let request = Request::get(self.config.issuer.url(&format!("api/v2/{path}")))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.access_token.expose()))
            .header(header::ACCEPT, "application/json")
            .body(Bytes::new())
            .map_err(|_| ManagementFault::Malformed)?;
        let answer =
            self.host.send(request, Limits::API).await.map_err(ManagementFault::Unavailable)?;
        match answer.status() {
            StatusCode::OK => {
                serde_json::from_slice(answer.body()).map_err(|_| ManagementFault::Malformed)
            }
            status => {
                // A token of before the operator mended something would go on failing for a day.
                if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
                    self.memory.forget();
                }
                Err(ManagementFault::Status(status))
            }
        }
    }
}

/// An id as one segment of a path. There is none for what a path would take for a step elsewhere.
pub(crate) fn path_segment(id: &str) -> Option<String> {
    (!matches!(id, "" | "." | "..")).then(|| utf8_percent_encode(id, PATH_SEGMENT).to_string())
}

impl ManagementMemory {
    async fn token(
        &self,
        host: &dyn Host,
        config: &Config,
    ) -> Result<IssuedToken, TokenEndpointFault> {
        let owner = format!("{} {}", config.issuer.as_str(), config.client.id);
        let remembered = self.0.borrow().clone();
        if let Some((of, token)) = remembered
            && of == owner
            && host.now().saturating_add(EXPIRY_MARGIN_SECONDS) < token.expires_at
        {
            return Ok(token);
        }
        let audience = config.issuer.url("api/v2/");
        let grant = [("grant_type", "client_credentials"), ("audience", audience.as_str())];
        let token = request_token(host, &config.issuer, &config.client, &grant).await?;
        self.0.replace(Some((owner, token.clone())));
        Ok(token)
    }

    fn forget(&self) {
        self.0.replace(None);
    }
}

impl fmt::Display for ManagementFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the answer is not what the Management API documents"),
            Self::Status(StatusCode::FORBIDDEN) => f.write_str(
                "403: the client needs the Management API scopes read:resource_servers and read:users",
            ),
            Self::Status(status) => write!(f, "{status}"),
            Self::Token(fault) => write!(f, "no Management token: {fault}"),
            Self::Unavailable(failure) => write!(f, "{failure}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_segment_whatever_is_in_it() {
        assert_eq!(path_segment("auth0|1").as_deref(), Some("auth0%7C1"));
        assert_eq!(
            path_segment("http://localhost:3001/mcp").as_deref(),
            Some("http%3A%2F%2Flocalhost%3A3001%2Fmcp")
        );
        assert_eq!(path_segment("a/../b?c#d%2F").as_deref(), Some("a%2F..%2Fb%3Fc%23d%252F"));
        assert_eq!(path_segment("ä").as_deref(), Some("%C3%A4"));
    }

    #[test]
    fn an_id_that_would_leave_its_place_has_no_segment() {
        for id in ["", ".", ".."] {
            assert_eq!(path_segment(id), None, "{id:?}");
        }
    }
}
