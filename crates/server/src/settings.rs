//! The settings of all parts, composed: each part declares and reads its own variables.

use std::rc::Rc;

use doorward_core::{
    audit::{self, SubjectForm, SubjectNames},
    keys::{Keys, Purpose, Sealer},
    origin::Origin,
    settings::{Reader, SettingsError, Variable, parse},
    store::{self, Buckets},
    strict_json, variables,
};
use doorward_mcp::{Listing, Registry};
use doorward_upstream::Upstreams;

use crate::{
    admission::{self, Admission},
    discovery::{self, Discovery},
};

variables! {
    /// The largest body of a request that is read, in bytes: 1024 to 4194304. A body may have one
    /// JSON value for each 32 bytes of it. The [memory](limits.md#memory-of-an-instance) that an
    /// instance needs grows with it
    MAX_BODY_BYTES = optional("max_body_bytes", "262144");
    /// The origin of Google's APIs
    GOOGLE_API_URL = optional("google_api_url", "https://www.googleapis.com");
}

/// What the operator decided, checked.
#[derive(Debug)]
pub struct ServerSettings {
    /// The resource server and its issuers.
    pub oauth: doorward_oauth::ResourceServerSettings,
    /// The tenant.
    pub auth0: doorward_auth0::TenantSettings,
    /// Which hosts and origins the MCP endpoint is for.
    pub(crate) admission: Admission,
    /// What those who look for servers find.
    pub(crate) discovery: Discovery,
    /// How often callers may use the server.
    pub(crate) limits: doorward_oauth::CallerLimits,
    /// The largest body of a request, in bytes.
    pub(crate) max_body_bytes: usize,
    /// The origin of Google's APIs.
    pub(crate) google_api_url: Origin,
    /// The MCP servers behind this server.
    pub(crate) upstreams: Upstreams,
    /// How the audit log names subjects.
    pub(crate) subject_names: Rc<SubjectNames>,
    /// The keys of this server, derived from its secret.
    pub(crate) keys: Keys,
    pub(crate) store_sealer: Sealer,
    pub(crate) store_buckets: Buckets,
    pub(crate) request_state_sealer: Rc<Sealer>,
    pub(crate) session_sealer: Rc<Sealer>,
}

/// Every variable that any part reads, in the order of the documents.
pub fn declared_variables() -> impl Iterator<Item = &'static Variable> {
    [
        doorward_oauth::VARIABLES,
        doorward_auth0::VARIABLES,
        admission::VARIABLES,
        discovery::VARIABLES,
        doorward_oauth::LIMIT_VARIABLES,
        audit::VARIABLES,
        store::VARIABLES,
        doorward_upstream::VARIABLES,
        VARIABLES,
    ]
    .into_iter()
    .flatten()
}

impl ServerSettings {
    /// Reads the settings of a server with this registry.
    ///
    /// # Errors
    ///
    /// Returns every variable that is missing or invalid, at once.
    pub(crate) fn read<C>(
        mut reader: Reader,
        registry: &Registry<C>,
    ) -> Result<Self, SettingsError> {
        let mut oauth = doorward_oauth::ResourceServerSettings::read(&mut reader);
        let mut auth0 = doorward_auth0::TenantSettings::read(&mut reader, oauth.as_ref());
        let public_url = oauth.as_ref().map(|oauth| &oauth.resource.public_url);
        let admission = Admission::read(&mut reader, public_url);
        let discovery = Discovery::read(&mut reader);
        let is_public = oauth.as_ref().is_some_and(|it| !it.resource.public_url.is_loopback());
        if is_public {
            reader.reject_local_secrets(declared_variables());
        }
        let upstreams = Upstreams::read(&mut reader, is_public);
        let has_tool = |name: &str| {
            let is_remote = |it: &Upstreams| it.with_item(Listing::Tools, name).is_some();
            registry.tool(name).is_some() || upstreams.as_ref().is_none_or(is_remote)
        };
        let limits = doorward_oauth::CallerLimits::read(&mut reader, &has_tool);
        if let (Some(oauth), Some(limits)) = (&mut oauth, &limits) {
            oauth.failures = limits.failures;
            oauth.address_header.clone_from(&limits.address_header);
        }
        let subjects = SubjectForm::read(&mut reader);
        let buckets = Buckets::read_count(&mut reader);
        let max_body_bytes = reader.get(&MAX_BODY_BYTES, parse::bytes(1024, 4 * 1024 * 1024));
        let google_api_url =
            reader.get(&GOOGLE_API_URL, |value| match parse::secure_origin(value) {
                Ok(origin) if is_public && origin.is_loopback() => Err(parse::LOCAL_ONLY),
                origin => origin,
            });
        if let Some(auth0) = &mut auth0 {
            auth0.reject_unknown_tools(&mut reader, has_tool);
            let listings = Listing::ALL.into_iter();
            auth0.set_undeclared(listings.flat_map(|listing| registry.requirements(listing)));
        }
        let settings = || {
            let (oauth, auth0) = (oauth?, auth0?);
            let keys = Keys::from(&auth0.server_secret);
            Some(Self {
                admission: admission?,
                discovery: discovery?,
                limits: limits?,
                max_body_bytes: max_body_bytes?,
                google_api_url: google_api_url?,
                upstreams: upstreams?,
                subject_names: Rc::new(subjects?.with_keys(&keys)),
                store_sealer: keys.sealer(Purpose::Store),
                store_buckets: Buckets::new(&keys, buckets?),
                request_state_sealer: Rc::new(keys.sealer(Purpose::RequestState)),
                session_sealer: Rc::new(keys.sealer(Purpose::Session)),
                keys,
                oauth,
                auth0,
            })
        };
        reader.finish(settings())
    }

    /// How many JSON values a body may have. Each takes up to 400 bytes once it is built.
    pub(crate) fn max_body_values(&self) -> usize {
        strict_json::max_values(self.max_body_bytes)
    }
}

#[cfg(test)]
mod tests;
