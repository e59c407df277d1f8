//! What one request to the MCP endpoint is served with.

use std::{cell::Cell, rc::Rc};

use doorward_auth0::{RevocationMemo, Tenant};
use doorward_core::{
    access::Item,
    audit::{Audit, AuditEvent, CallMeasures, Reason, Who},
    host::Host,
    keys::Sealer,
    outbound::{Budget, Outbound},
    store::{Store, StoreMemory},
    trace::Trace,
};
use doorward_mcp::Seal;
use doorward_oauth::{AuthenticationError, Caller, Limiter, ResourceServer};

use crate::{cleanup::Cleanups, settings::ServerSettings};

/// How long an admission counts, in milliseconds.
const ADMITTED_MILLIS: u64 = 1000;

/// What an instance remembers between requests: public data, tokens of the server's own, and data
/// about callers, which is found only with the token that it was made for.
#[derive(Debug, Default)]
pub(crate) struct InstanceMemory {
    pub(crate) oauth: doorward_oauth::ResourceServerMemory,
    pub(crate) auth0: doorward_auth0::TenantMemory,
    pub(crate) limiter: Limiter,
    pub(crate) store: StoreMemory,
    /// What other servers are to be told.
    pub(crate) cleanups: Cleanups,
}

/// Settings, memory and host, as one message is served with them.
#[derive(Clone)]
pub(crate) struct Environment {
    pub(crate) host: Rc<dyn Host>,
    pub(crate) settings: Rc<ServerSettings>,
    pub(crate) memory: Rc<InstanceMemory>,
    /// The trace that the message is part of.
    pub(crate) trace: Option<Rc<Trace>>,
    /// The revocations that the request has read.
    pub(crate) revocations: Rc<RevocationMemo>,
    /// The time budget of its outbound requests.
    pub(crate) budget: Rc<Budget>,
}

/// A message of a verified caller.
#[derive(Clone)]
pub(crate) struct CallerRequest {
    pub(crate) environment: Environment,
    pub(crate) caller: Rc<Caller>,
    pub(crate) audit: Rc<Audit>,
    /// When the caller was admitted last, in milliseconds since the Unix epoch.
    admitted_at: Cell<u64>,
}

impl Environment {
    pub(crate) fn outbound(&self) -> Outbound<'_> {
        Outbound { host: &*self.host, trace: self.trace.as_deref(), budget: &self.budget }
    }

    pub(crate) fn resource_server(&self) -> ResourceServer<'_> {
        let Self { settings, memory, .. } = self;
        ResourceServer {
            settings: &settings.oauth,
            keys: &settings.keys,
            memory: &memory.oauth,
            outbound: self.outbound(),
            store: self.store(),
            limiter: &memory.limiter,
        }
    }

    pub(crate) fn store(&self) -> Store<'_> {
        let Self { host, settings, memory, .. } = self;
        Store::new(&**host, &memory.store, &settings.store_sealer, &settings.store_buckets)
    }

    pub(crate) fn tenant(&self) -> Tenant<'_> {
        Tenant {
            settings: &self.settings.auth0,
            memory: &self.memory.auth0,
            resource_server: self.resource_server(),
            revocations: &self.revocations,
        }
    }
}

impl CallerRequest {
    pub(crate) fn new(environment: Environment, caller: Rc<Caller>, audit: Audit) -> Self {
        Self { environment, caller, audit: Rc::new(audit), admitted_at: Cell::new(0) }
    }

    /// Admits the caller, whose token was verified: it has not expired meanwhile, and access was
    /// neither cut off nor blocked. That is asked again for each message that may have arrived much
    /// later than the token.
    ///
    /// # Errors
    ///
    /// Returns the reason, which is in the audit log.
    pub(crate) async fn admit(&self) -> Result<(), AuthenticationError> {
        let now = self.environment.host.now_millis();
        let age = now.checked_sub(self.admitted_at.get());
        if age.is_some_and(|age| age < ADMITTED_MILLIS) {
            return Ok(());
        }
        let tenant = self.environment.tenant();
        let admitted = match tenant.admit(&self.caller).await {
            Ok(()) => tenant.admit_active(&self.caller).await,
            refused => refused,
        };
        match &admitted {
            Ok(()) => self.admitted_at.set(now),
            Err(error) => self.log(error, None),
        }
        admitted
    }

    /// The same for a message that is part of this trace.
    pub(crate) fn with_trace(&self, trace: Trace) -> Self {
        let mut request = self.clone();
        request.environment.trace = Some(Rc::new(trace));
        request
    }

    /// The seal of a call's `requestState`.
    pub(crate) fn state_seal(&self) -> Seal {
        self.seal(&self.environment.settings.request_state_sealer)
    }

    /// A seal that opens for this server and caller only.
    pub(crate) fn seal(&self, sealer: &Rc<Sealer>) -> Seal {
        let Self { environment: Environment { host, settings, .. }, caller, .. } = self;
        let server = settings.oauth.resource.mcp_url.as_str();
        let parts = [server, caller.issuer(), caller.subject(), caller.client_id()];
        let organization = caller.organization().map(|organization| organization.id);
        let owner = parts.map(str::to_owned).into_iter().chain(organization).collect();
        let (random, clock) = (Rc::clone(host), Rc::clone(host));
        Seal { sealer: Rc::clone(sealer), random, clock, owner }
    }

    /// Writes a decision about the caller into the audit log.
    pub(crate) fn log(&self, reason: &dyn Reason, item: Option<Item<'_>>) {
        self.write(reason, item, None);
    }

    /// Writes how a call ended into the audit log.
    pub(crate) fn log_end(&self, reason: &dyn Reason, item: Item<'_>, call: CallMeasures<'_>) {
        self.write(reason, Some(item), Some(call));
    }

    fn write(&self, reason: &dyn Reason, item: Option<Item<'_>>, call: Option<CallMeasures<'_>>) {
        let Self { environment: Environment { host, trace, .. }, caller, audit, .. } = self;
        let who = Who {
            issuer: caller.issuer(),
            subject: caller.subject(),
            client: Some(caller.client_id()),
            actor: caller.acting(),
            kind: Some(caller.kind().as_str()),
        };
        let trace = trace.as_deref();
        audit.write(
            &**host,
            &AuditEvent { reason, who: Some(who), item, trace, call, revoked: None },
        );
    }
}
