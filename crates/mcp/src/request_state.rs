//! `requestState`: what one round of a call tells the next, carried by the client.
//!
//! The client may be an attacker. The state is sealed, so it can neither read nor change it, nor
//! use it for another server, caller, method, tool or arguments, nor after it expired. Until then
//! it can be used again: nothing is stored here, so a tool must tolerate that a round is repeated.

use std::rc::Rc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::{
    host::{Clock, Random},
    keys::Sealer,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How long a user may take to answer, in seconds.
pub(crate) const LIFETIME_SECONDS: u64 = 600;

/// Seals and opens what one caller's client carries: the `requestState` of a call, or the id of a
/// session.
#[derive(Clone)]
pub struct Seal {
    /// The sealer for [`RequestState`](doorward_core::keys::Purpose::RequestState) or
    /// [`Session`](doorward_core::keys::Purpose::Session).
    pub sealer: Rc<Sealer>,
    /// The source of nonces.
    pub random: Rc<dyn Random>,
    /// The clock that states expire by.
    pub clock: Rc<dyn Clock>,
    /// The URL of the server, which may share its secret with another one, and everything that
    /// identifies the caller. Nobody else can open the state.
    pub owner: Vec<String>,
}

/// The call that a state belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding<'a> {
    pub(crate) method: &'a str,
    /// The name of the tool or prompt, or the URI of the resource.
    pub(crate) name: &'a str,
    pub(crate) arguments: &'a Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    expires_at: u64,
    state: Value,
}

impl Seal {
    /// Seals a state that expires after `seconds`; `None` only if it cannot be represented.
    pub(crate) fn seal(&self, binding: Binding<'_>, state: Value, seconds: u64) -> Option<String> {
        let expires_at = self.clock.now().saturating_add(seconds);
        let payload = serde_json::to_vec(&Payload { expires_at, state }).ok()?;
        let sealed = self.sealer.seal(&*self.random, &self.context(binding)?, &payload);
        (!sealed.is_empty()).then(|| BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens a state; `None` if anything about it is wrong. The client learns no more than that.
    pub(crate) fn open(&self, binding: Binding<'_>, sealed: &str) -> Option<Value> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let payload = self.sealer.open(&self.context(binding)?, &sealed)?;
        let Payload { expires_at, state } = serde_json::from_slice(&payload).ok()?;
        (self.clock.now() < expires_at).then_some(state)
    }

    /// The context that a state is sealed in. JSON keeps its parts apart, and a [`Map`] is sorted.
    fn context(&self, binding: Binding<'_>) -> Option<Vec<u8>> {
        let Binding { method, name, arguments } = binding;
        serde_json::to_vec(&(&self.owner, method, name, arguments)).ok()
    }
}

#[cfg(test)]
mod tests {
    use doorward_core::{
        Secret,
        keys::{Keys, Purpose},
        testing::FakeHost,
    };
    use serde_json::json;

    use super::*;

    fn sealer(secret: &str) -> Rc<Sealer> {
        Keys::from(&Secret::from(secret)).sealer(Purpose::RequestState).into()
    }

    fn seal(host: &Rc<FakeHost>, owner: &[&str]) -> Seal {
        let (random, clock) = (Rc::clone(host), Rc::clone(host));
        Seal { sealer: sealer("s"), random, clock, owner: owned(owner) }
    }

    fn owned(owner: &[&str]) -> Vec<String> {
        owner.iter().map(|part| (*part).to_owned()).collect()
    }

    fn arguments(x: u8) -> Map<String, Value> {
        Map::from_iter([("x".to_owned(), json!(x))])
    }

    fn binding(arguments: &Map<String, Value>) -> Binding<'_> {
        Binding { method: "tools/call", name: "c", arguments }
    }

    #[test]
    fn a_state_comes_back_as_it_was_and_cannot_be_read() {
        let (seal, arguments) = (seal(&Rc::new(FakeHost::new()), &["a"]), arguments(1));
        let state = json!({ "step": "two" });
        let sealed = seal.seal(binding(&arguments), state.clone(), LIFETIME_SECONDS).unwrap();
        assert_eq!(seal.open(binding(&arguments), &sealed), Some(state));
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        assert!(!bytes.windows(3).any(|window| window == b"two"));
    }

    #[test]
    fn a_state_is_good_for_one_caller_one_call_and_ten_minutes() {
        let host = Rc::new(FakeHost::new());
        let (good, others) = (arguments(1), arguments(2));
        let seal = seal(&host, &["url", "issuer", "subject", "client", "org_1"]);
        let sealed = seal.seal(binding(&good), json!(1), LIFETIME_SECONDS).unwrap();
        for owner in [
            ["url", "issue", "rsubject", "client", "org_1"].as_slice(),
            &["other", "issuer", "subject", "client", "org_1"],
            &["url", "issuer", "subject", "client"],
            &["url", "issuer", "subject", "client", "org_1", ""],
            &["url", "issuer", "subject", "other", "org_1"],
            &[],
        ] {
            let seal = Seal { owner: owned(owner), ..seal.clone() };
            assert_eq!(seal.open(binding(&good), &sealed), None, "{owner:?}");
        }
        for wrong in [
            Binding { method: "prompts/get", ..binding(&good) },
            Binding { name: "other", ..binding(&good) },
            binding(&others),
        ] {
            assert_eq!(seal.open(wrong, &sealed), None, "{wrong:?}");
        }
        let other = Seal { sealer: sealer("other"), ..seal.clone() };
        assert_eq!(other.open(binding(&good), &sealed), None);
        host.now.set(host.now.get() + LIFETIME_SECONDS - 1);
        assert!(seal.open(binding(&good), &sealed).is_some());
        host.now.set(host.now.get() + 1);
        assert_eq!(seal.open(binding(&good), &sealed), None);
    }

    #[test]
    fn a_changed_state_does_not_open() {
        let (seal, arguments) = (seal(&Rc::new(FakeHost::new()), &[]), Map::new());
        let sealed = seal.seal(binding(&arguments), json!(1), LIFETIME_SECONDS).unwrap();
        let (longer, shorter) = (format!("{sealed}A"), &sealed[1..]);
        for bad in ["", ".", "a.b", "AAAA", longer.as_str(), shorter, &format!("{sealed}=")] {
            assert_eq!(seal.open(binding(&arguments), bad), None, "{bad}");
        }
    }
}
