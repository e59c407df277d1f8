//! How a client authenticates at the tenant (RFC 6749, section 2.3; RFC 7523, section 2.2).

use doorward_core::{Secret, host::Host, issuer::Issuer};

use crate::PrivateKey;

/// The type of the assertions of Private Key JWT.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client of the tenant.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// `client_id`.
    pub id: String,
    /// `client_secret`, or else the text of the private key.
    pub secret: Secret,
    /// The private key, if the client authenticates with one instead of a secret.
    pub key: Option<PrivateKey>,
}

impl ClientCredentials {
    /// The parameters that authenticate the client in a form; `None` if no assertion can be signed.
    pub(crate) fn parameters(
        &self,
        host: &dyn Host,
        tenant: &Issuer,
    ) -> Option<Vec<(&'static str, Secret)>> {
        let mut parameters = vec![("client_id", Secret::from(self.id.as_str()))];
        match &self.key {
            None => parameters.push(("client_secret", self.secret.clone())),
            Some(key) => {
                let assertion = key.assertion(host, &self.id, tenant.as_str())?;
                parameters.push(("client_assertion_type", ASSERTION_TYPE.into()));
                parameters.push(("client_assertion", assertion.into()));
            }
        }
        Some(parameters)
    }
}
