//! Proof Key for Code Exchange (RFC 7636) and `state`.

use crate::Error;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// A code verifier and its challenge, by the method S256.
pub(super) struct Pkce {
    /// Sent to the token endpoint, to prove that the code was issued to this client.
    pub(super) verifier: String,
    /// Sent to the authorization endpoint.
    pub(super) challenge: String,
}

impl Pkce {
    /// Creates a random verifier.
    ///
    /// # Errors
    /// Returns an error if the system provides no random bytes.
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self::from_verifier(random()?))
    }

    fn from_verifier(verifier: String) -> Self {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        Self { verifier, challenge }
    }
}

/// Returns 32 random bytes in base64url.
pub(super) fn random() -> Result<String, Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::start(format!("Cannot get random bytes: {error}")))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_of_rfc_7636_appendix_b() {
        let pkce = Pkce::from_verifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
        assert_eq!(pkce.challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn two_random_texts_differ() {
        assert_ne!(random(), random());
        assert_eq!(random().expect("random numbers").len(), 43, "the minimum of RFC 7636");
    }
}
