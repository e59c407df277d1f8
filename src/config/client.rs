//! How this server authenticates at the tenant: by a secret or by a private key, whichever is there.

use super::{ClientCredentials, Secret, parse, reader::Reader};
use crate::auth0::PrivateKey;

/// Exactly one of the two has to be there: with both, nobody could tell which one counts.
pub(super) fn read(reader: &mut Reader) -> Option<ClientCredentials> {
    let id = reader.required("auth0_client_id", parse::not_empty);
    let secret = reader.optional("auth0_client_secret", "", Ok);
    let pem = reader.optional("auth0_client_private_key", "", Ok);
    let key_id = reader.optional("auth0_client_private_key_id", "", Ok);
    let algorithm = "auth0_client_private_key_algorithm";
    let algorithm = reader.optional(algorithm, "", parse::assertion_algorithm);
    let (secret, pem, key_id, algorithm) = (secret?, pem?, key_id?, algorithm?);
    match (secret.is_empty(), pem.is_empty()) {
        (true, true) => reader.fault(
            "auth0_client_secret",
            "is not set, and `auth0_client_private_key` is not either; one of them has to be",
        ),
        (false, false) => reader.fault(
            "auth0_client_private_key",
            "is set beside `auth0_client_secret`; only one of them can be",
        ),
        (false, true) => {
            return Some(ClientCredentials { id: id?, secret: Secret::from(secret), key: None });
        }
        (true, false) => {
            let key_id = Some(key_id).filter(|id| !id.is_empty());
            match PrivateKey::from_pem(&pem, algorithm, key_id) {
                Ok(key) => {
                    let secret = Secret::from(pem);
                    return Some(ClientCredentials { id: id?, secret, key: Some(key) });
                }
                Err(problem) => reader.fault("auth0_client_private_key", problem),
            }
        }
    }
    None
}
