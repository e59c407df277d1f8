//! `requestState`: what one round of a call tells the next, carried by the client.
//!
//! The client is an attacker as far as this is concerned. It may read the state; it must not change it, use it for
//! another user, client, organization, tool or arguments, or use it later. So it is authenticated (HMAC-SHA-256) together with all
//! of that, under a key that every instance of this server derives from its own credentials. It can be used again until
//! it expires: nothing is remembered here, and what a tool does twice must be harmless.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::Sha256;

use crate::config::Secret;

/// How long a user may take to answer, in seconds.
const LIFETIME_SECONDS: u64 = 600;

/// Separates this use of the secret from any other.
const LABEL: &[u8] = b"doorward request-state v1";

/// What a state belongs to. It is good for nothing else.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Binding<'a> {
    pub(super) issuer: &'a str,
    pub(super) subject: &'a str,
    pub(super) client_id: &'a str,
    /// The organization that the user is signed in to.
    pub(super) organization: Option<String>,
    pub(super) method: &'a str,
    /// The tool, prompt or resource.
    pub(super) name: &'a str,
    pub(super) arguments: &'a Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    expires_at: u64,
    state: Value,
}

/// Seals a state.
pub(super) fn seal(
    secret: &Secret,
    binding: &Binding<'_>,
    state: Value,
    now: u64,
) -> Option<String> {
    let expires_at = now.saturating_add(LIFETIME_SECONDS);
    let payload = serde_json::to_vec(&Payload { expires_at, state }).ok()?;
    let tag = mac(secret, binding, &payload)?.finalize().into_bytes();
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    Some(format!("{}.{}", encode(&payload), encode(&tag)))
}

/// Opens a state. There is none if anything about it is wrong; which thing is nobody's business.
pub(super) fn open(
    secret: &Secret,
    binding: &Binding<'_>,
    sealed: &str,
    now: u64,
) -> Option<Value> {
    let (payload, tag) = sealed.split_once('.')?;
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
    let tag = BASE64_URL_SAFE_NO_PAD.decode(tag).ok()?;
    mac(secret, binding, &payload)?.verify_slice(&tag).ok()?;
    let Payload { expires_at, state } = serde_json::from_slice(&payload).ok()?;
    (now < expires_at).then_some(state)
}

fn mac(secret: &Secret, binding: &Binding<'_>, payload: &[u8]) -> Option<Hmac<Sha256>> {
    let mut key = <Hmac<Sha256> as Mac>::new_from_slice(secret.expose().as_bytes()).ok()?;
    key.update(LABEL);
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&key.finalize().into_bytes()).ok()?;
    // JSON keeps the parts apart, and it has no byte 0: what follows cannot be taken for a part of it.
    mac.update(&serde_json::to_vec(binding).ok()?);
    mac.update(&[0]);
    mac.update(payload);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn secret(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }

    fn arguments(x: u8) -> Map<String, Value> {
        Map::from_iter([("x".to_owned(), json!(x))])
    }

    fn binding(arguments: &Map<String, Value>) -> Binding<'_> {
        Binding {
            issuer: "i",
            subject: "a",
            client_id: "b",
            organization: Some("org_1".to_owned()),
            method: "tools/call",
            name: "c",
            arguments,
        }
    }

    #[test]
    fn a_state_comes_back_as_it_was() {
        let arguments = arguments(1);
        let sealed = seal(&secret("s"), &binding(&arguments), json!({ "step": 2 }), NOW).unwrap();
        let opened = open(&secret("s"), &binding(&arguments), &sealed, NOW);
        assert_eq!(opened, Some(json!({ "step": 2 })));
    }

    #[test]
    fn a_state_is_good_for_one_caller_one_call_and_ten_minutes() {
        let (arguments, others) = (arguments(1), arguments(2));
        let good = binding(&arguments);
        let sealed = seal(&secret("s"), &good, json!(1), NOW).unwrap();
        for wrong in [
            Binding { subject: "ab", client_id: "", ..good.clone() },
            Binding { issuer: "other", ..good.clone() },
            Binding { subject: "other", ..good.clone() },
            Binding { client_id: "other", ..good.clone() },
            Binding { organization: Some("org_2".to_owned()), ..good.clone() },
            Binding { organization: None, ..good.clone() },
            Binding { method: "prompts/get", ..good.clone() },
            Binding { name: "other", ..good.clone() },
            Binding { arguments: &others, ..good.clone() },
        ] {
            assert_eq!(open(&secret("s"), &wrong, &sealed, NOW), None, "{wrong:?}");
        }
        assert_eq!(open(&secret("other"), &good, &sealed, NOW), None);
        assert!(open(&secret("s"), &good, &sealed, NOW + LIFETIME_SECONDS - 1).is_some());
        assert_eq!(open(&secret("s"), &good, &sealed, NOW + LIFETIME_SECONDS), None);
    }

    #[test]
    fn a_changed_state_is_none() {
        let arguments = Map::new();
        let sealed = seal(&secret("s"), &binding(&arguments), json!(1), NOW).unwrap();
        let (_, tag) = sealed.split_once('.').unwrap();
        let payload = json!({ "expires_at": NOW + 600, "state": 2 }).to_string();
        let forged = format!("{}.{tag}", BASE64_URL_SAFE_NO_PAD.encode(payload));
        for bad in [forged.as_str(), "", ".", "a.b", sealed.trim_end_matches(tag), tag] {
            assert_eq!(open(&secret("s"), &binding(&arguments), bad, NOW), None, "{bad}");
        }
    }
}
