//! Proof Key for Code Exchange (RFC 7636) and `state`.

use crate::Error;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// A verifier and the challenge that commits to it, by the method S256.
pub(super) struct Pkce {
    /// What proves, at the token endpoint, that the code was ours.
    pub(super) verifier: String,
    /// What is shown beforehand, at the authorization endpoint.
    pub(super) challenge: String,
}

impl Pkce {
    /// A new one.
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self::from_verifier(random()?))
    }

    fn from_verifier(verifier: String) -> Self {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        Self { verifier, challenge }
    }
}

/// 32 random bytes in the characters that a URL takes as they are.
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
    fn no_two_are_the_same() {
        assert_ne!(random(), random());
        assert_eq!(random().expect("random numbers").len(), 43, "the least that RFC 7636 allows");
    }
}
