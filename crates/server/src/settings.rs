//! The settings of all parts, composed: each part declares and reads its own variables.

use std::rc::Rc;

use doorward_core::{
    audit::{self, SubjectForm, SubjectNames},
    keys::{Keys, Purpose, Sealer},
    origin::Origin,
    settings::{Reader, SettingsError, Variable, parse},
    variables,
};
use doorward_mcp::Registry;

use crate::admission::{self, Admission};

variables! {
    /// The origin of Google's APIs
    GOOGLE_API_URL = optional("google_api_url", "https://www.googleapis.com");
}

/// What the operator decided, checked.
#[derive(Debug)]
pub struct Settings {
    /// The resource server and its issuers.
    pub oauth: doorward_oauth::Settings,
    /// The tenant.
    pub auth0: doorward_auth0::Settings,
    /// Which hosts and origins the MCP endpoint is for.
    pub(crate) admission: Admission,
    /// The origin of Google's APIs.
    pub(crate) google_api_url: Origin,
    /// How the audit log names subjects.
    pub(crate) subject_names: Rc<SubjectNames>,
    /// The keys of this server, derived from its client's secret or private key.
    pub(crate) keys: Keys,
    pub(crate) store_sealer: Sealer,
    pub(crate) request_state_sealer: Sealer,
}

/// Every variable that any part reads, in the order of the documents.
pub fn declared_variables() -> impl Iterator<Item = &'static Variable> {
    [
        doorward_oauth::VARIABLES,
        doorward_auth0::VARIABLES,
        admission::VARIABLES,
        audit::VARIABLES,
        VARIABLES,
    ]
    .into_iter()
    .flatten()
}

impl Settings {
    /// Reads the settings of a server with this registry.
    ///
    /// # Errors
    ///
    /// Returns every variable that is missing or invalid, at once.
    pub(crate) fn read<C>(
        mut reader: Reader,
        registry: &Registry<C>,
    ) -> Result<Self, SettingsError> {
        let oauth = doorward_oauth::Settings::read(&mut reader);
        let auth0 = doorward_auth0::Settings::read(&mut reader, oauth.as_ref());
        let admission = Admission::read(&mut reader);
        let subjects = SubjectForm::read(&mut reader);
        let google_api_url = reader.get(&GOOGLE_API_URL, parse::secure_origin);
        if let Some(auth0) = &auth0 {
            auth0.reject_unknown_tools(&mut reader, |name| registry.tool(name).is_some());
        }
        let settings = || {
            let (oauth, auth0) = (oauth?, auth0?);
            let keys = Keys::from(&auth0.client.secret);
            Some(Self {
                admission: admission?.with_public(oauth.resource.public_url.clone()),
                google_api_url: google_api_url?,
                subject_names: Rc::new(subjects?.with_keys(&keys)),
                store_sealer: keys.sealer(Purpose::Store),
                request_state_sealer: keys.sealer(Purpose::RequestState),
                keys,
                oauth,
                auth0,
            })
        };
        reader.finish(settings())
    }
}

#[cfg(test)]
mod tests;
