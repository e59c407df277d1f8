//! How a server is spoken to, and how far its client is.

use std::cell::{Cell, RefCell};

use doorward_mcp::LegacyVersion;
use http::HeaderValue;
use serde_json::Value;

use crate::Upstream;

/// How a server is spoken to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// In the modern era, which is tried first.
    #[default]
    Modern,
    /// In a revision of the legacy era, within a session if the server opened one.
    Legacy(LegacyVersion, Option<HeaderValue>),
}

impl Protocol {
    /// The part that later requests may use: without the session if each call opens its own.
    #[must_use]
    pub fn to_remember(self, upstream: &Upstream) -> Self {
        match self {
            Self::Legacy(version, _) if upstream.has_session_per_call() => {
                Self::Legacy(version, None)
            }
            other => other,
        }
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Modern => Value::Null,
            Self::Legacy(version, session) => {
                let session = session.as_ref().and_then(|session| session.to_str().ok());
                Value::Array(vec![version.as_str().into(), session.into()])
            }
        }
    }

    /// Reads what [`to_json`](Self::to_json) wrote; `None` for anything else.
    #[must_use]
    pub fn from_json(json: &Value) -> Option<Self> {
        let [version, session] = json.as_array()?.as_slice() else { return None };
        let session = session.as_str().and_then(|session| session.parse().ok());
        Some(Self::Legacy(LegacyVersion::parse(version.as_str()?)?, session))
    }
}

/// The protocol of the last request, and the call whose response has not arrived.
#[derive(Debug, Default)]
pub struct Running {
    pub(crate) protocol: RefCell<Protocol>,
    pub(crate) request: Cell<Option<u64>>,
}

impl Running {
    /// Whether the server has to be told that the client needs no more: that a call was given up,
    /// or that a session that was for this caller alone is over. A server of the modern era has
    /// neither: there the end of a request cancels it.
    #[must_use]
    pub fn is_unfinished(&self, upstream: &Upstream) -> bool {
        match &*self.protocol.borrow() {
            Protocol::Modern => false,
            Protocol::Legacy(_, session) => {
                self.request.get().is_some() || session.is_some() && upstream.has_session_per_call()
            }
        }
    }
}
