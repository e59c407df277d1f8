//! What one request to the MCP endpoint is served with.

use std::rc::Rc;

use doorward_auth0::Tenant;
use doorward_core::{
    audit::{Audit, Entry, Reason, Who},
    host::Host,
    outbound::Outbound,
    store::{Breaker, Store},
    trace::Trace,
};
use doorward_oauth::{Caller, ResourceServer};

use crate::settings::Settings;

/// What an instance remembers between requests: public data, tokens of the server's own, and data
/// about callers. The last is found only with the token that it was made for.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) oauth: doorward_oauth::Memory,
    pub(crate) auth0: doorward_auth0::Memory,
    store_breaker: Breaker,
}

/// Settings, memory and host, as one message is served with them.
#[derive(Clone)]
pub(crate) struct Environment {
    pub(crate) host: Rc<dyn Host>,
    pub(crate) settings: Rc<Settings>,
    pub(crate) memory: Rc<Memory>,
    /// The trace that the message is part of.
    pub(crate) trace: Option<Rc<Trace>>,
}

/// A message of a verified caller.
#[derive(Clone)]
pub(crate) struct CallerRequest {
    pub(crate) environment: Environment,
    pub(crate) caller: Rc<Caller>,
    pub(crate) audit: Rc<Audit>,
}

impl Environment {
    pub(crate) fn outbound(&self) -> Outbound<'_> {
        Outbound { host: &*self.host, trace: self.trace.as_deref() }
    }

    pub(crate) fn resource_server(&self) -> ResourceServer<'_> {
        let Self { host, settings, memory, .. } = self;
        ResourceServer {
            settings: &settings.oauth,
            keys: &settings.keys,
            memory: &memory.oauth,
            outbound: self.outbound(),
            store: Store::new(&**host, &memory.store_breaker, &settings.store_sealer),
        }
    }

    pub(crate) fn tenant(&self) -> Tenant<'_> {
        Tenant {
            settings: &self.settings.auth0,
            memory: &self.memory.auth0,
            resource_server: self.resource_server(),
        }
    }
}

impl CallerRequest {
    /// The same for a message that is part of this trace.
    pub(crate) fn with_trace(&self, trace: Trace) -> Self {
        let mut request = self.clone();
        request.environment.trace = Some(Rc::new(trace));
        request
    }

    /// Writes a decision about the caller into the audit log.
    pub(crate) fn log(&self, reason: &dyn Reason, tool: Option<&str>) {
        let Self { environment: Environment { host, trace, .. }, caller, audit } = self;
        let who = Who {
            issuer: caller.issuer(),
            subject: caller.subject(),
            client: Some(caller.client_id()),
        };
        let trace = trace.as_deref();
        audit.write(&**host, &Entry { reason, who: Some(who), tool, trace });
    }
}
