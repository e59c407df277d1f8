//! The nonces that this server gives out for proofs (RFC 9449, sections 8 and 9): a proof with such
//! a nonce was made after the server gave it out, so nobody can have made it long in advance.
//!
//! A nonce is the time at which it was made, sealed for one key of a client and for this server's
//! URL. Nothing is stored: every instance with the same secret opens it, also after a restart.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::keys::Purpose;

use crate::ResourceServer;

/// How long a nonce is accepted, in seconds. Each answer to a client that uses nonces brings a new
/// one, so only a client that paused for longer needs one more request.
const NONCE_SECONDS: u64 = 5 * 60;

/// A new nonce for proofs by the key with this thumbprint.
pub(super) fn issue(server: &ResourceServer<'_>, key: &str) -> String {
    let host = server.outbound.host;
    let sealer = server.keys.sealer(Purpose::DpopNonce);
    let sealed = sealer.seal(host, context(server, key).as_bytes(), &host.now().to_be_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(sealed)
}

/// Whether this server gave the nonce out for this key, and not too long ago. The instance that did
/// so may have a clock that is ahead, by no more than that of a client may be.
pub(super) fn is_recent(server: &ResourceServer<'_>, key: &str, nonce: &str) -> bool {
    let issued_at = || {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(nonce).ok()?;
        let sealer = server.keys.sealer(Purpose::DpopNonce);
        let time = sealer.open(context(server, key).as_bytes(), &sealed)?;
        Some(u64::from_be_bytes(time.try_into().ok()?))
    };
    let (now, leeway) = (server.outbound.host.now(), server.settings.dpop_proof_seconds);
    issued_at().is_some_and(|time| {
        time <= now.saturating_add(leeway) && now.saturating_sub(time) <= NONCE_SECONDS
    })
}

/// No URL has a space, so no two pairs of URL and key have the same context.
fn context(server: &ResourceServer<'_>, key: &str) -> String {
    format!("{} {key}", server.settings.resource.mcp_url)
}

#[cfg(test)]
mod tests;
