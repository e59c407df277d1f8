//! Whose access is cut off: a user's, a client's, an organization's, one token's, or everybody's.
//!
//! Who issued the token does not matter. A name that two issuers use is cut off at both: too much
//! rather than too little.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::audit::Revoked;
use doorward_oauth::{Caller, is_organization_id, subject_token};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The tokens that a cut-off is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Everybody,
    User(String),
    /// The user's tokens with this property.
    OfUser(String, TokenProperty),
    /// Everybody's tokens with this property.
    All(TokenProperty),
}

/// What tokens may have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TokenProperty {
    /// The client that they were issued to.
    Client(String),
    /// The organization that the user signed in to, by its id.
    Organization(String),
    /// `jti`.
    TokenId(String),
    /// The SHA-256 of the token.
    TokenHash([u8; 32]),
}

/// An access that is cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CutOff {
    pub(super) target: Target,
    /// Tokens that were issued up to this time are refused, in seconds since the Unix epoch; `None`
    /// for all that were issued until now.
    pub(super) issued_before: Option<u64>,
}

/// What entries may say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// The latest moment that a cut-off may name, in seconds since the Unix epoch.
    pub(super) latest: u64,
    /// Whether the ids of organizations may have any form, because other issuers than the tenant
    /// are trusted.
    pub(super) any_organization: bool,
}

/// What is wrong with a cut-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CutOffError {
    /// Whose access is to be cut off is not understood.
    Invalid,
    /// An organization is not named by its id.
    OrganizationNotAnId,
}

impl TokenProperty {
    /// Its name in a record. A digest, so that a record does not grow with what clients are called.
    pub(super) fn name(&self) -> String {
        let (kind, value): (&[u8], &[u8]) = match self {
            Self::Client(id) => (b"client ", id.as_bytes()),
            Self::Organization(id) => (b"organization ", id.as_bytes()),
            Self::TokenId(id) => (b"token id ", id.as_bytes()),
            Self::TokenHash(hash) => (b"token ", hash),
        };
        let digest = Sha256::new().chain_update(kind).chain_update(value).finalize();
        // 128 bits tell them apart.
        BASE64_URL_SAFE_NO_PAD.encode(digest.first_chunk::<16>().unwrap_or(&[0; 16]))
    }

    /// The properties of a caller's token.
    pub(super) fn of_token(caller: &Caller) -> impl Iterator<Item = Self> {
        let hash = Sha256::digest(subject_token(caller).expose());
        let organization = caller.organization().map(|it| Self::Organization(it.id));
        let token_id = caller.text_claim("jti").map(|id| Self::TokenId(id.to_owned()));
        [Self::Client(caller.client_id().to_owned()), Self::TokenHash(hash.into())]
            .into_iter()
            .chain(organization)
            .chain(token_id)
    }
}

impl Target {
    /// The subject whose record it is in; empty for everybody's.
    pub(super) fn subject(&self) -> &str {
        match self {
            Self::Everybody | Self::All(_) => "",
            Self::User(subject) | Self::OfUser(subject, _) => subject,
        }
    }
}

impl CutOff {
    /// Hands on what the audit log says about it. `issuer` is the tenant.
    pub(super) fn with_audit(&self, issuer: &str, log: impl FnOnce(Revoked<'_>)) {
        let (Self { target, issued_before }, hash) = (self, &mut String::new());
        let subject = Some(target.subject()).filter(|it| !it.is_empty());
        let subject = subject.map(|subject| (issuer, subject));
        let mut revoked = Revoked { subject, issued_before: *issued_before, ..Revoked::default() };
        if let Target::OfUser(_, property) | Target::All(property) = target {
            match property {
                TokenProperty::Client(id) => revoked.client = Some(id),
                TokenProperty::Organization(id) => revoked.organization = Some(id),
                TokenProperty::TokenId(id) => revoked.token = Some(id),
                TokenProperty::TokenHash(digest) => {
                    BASE64_URL_SAFE_NO_PAD.encode_string(digest, hash);
                    revoked.token = Some(hash);
                }
            }
        }
        log(revoked);
    }

    /// Parses the value of `cut_off`.
    ///
    /// # Errors
    ///
    /// Returns `OrganizationNotAnId` if it names an organization by something else than an id, and
    /// `Invalid` if anything else about it is not understood.
    pub(super) fn parse(value: &Value, rules: Rules) -> Result<Self, CutOffError> {
        let organization = value.get("organization").and_then(Value::as_str);
        if organization.is_some_and(|id| !rules.any_organization && !is_organization_id(id)) {
            return Err(CutOffError::OrganizationNotAnId);
        }
        Self::understood(value, rules.latest).ok_or(CutOffError::Invalid)
    }

    fn understood(value: &Value, latest: u64) -> Option<Self> {
        let mut members = value.as_object()?.clone();
        let issued_before = match members.remove("issued_before") {
            None => None,
            Some(moment) => Some(moment.as_u64().filter(|moment| *moment <= latest)?),
        };
        let text = |members: &mut Map<String, Value>, name: &str| match members.remove(name) {
            None => Some(None),
            Some(Value::String(text)) if !text.is_empty() => Some(Some(text)),
            Some(_) => None,
        };
        let subject = text(&mut members, "subject")?;
        let properties = [
            text(&mut members, "client")?.map(TokenProperty::Client),
            text(&mut members, "organization")?.map(TokenProperty::Organization),
            text(&mut members, "token_id")?.map(TokenProperty::TokenId),
            match text(&mut members, "token_sha256")? {
                None => None,
                Some(hash) => Some(TokenProperty::TokenHash(parse_hash(&hash)?)),
            },
        ];
        let mut properties = properties.into_iter().flatten();
        let target = match (subject, properties.next(), properties.next()) {
            (None, None, None) => {
                (members.remove("everything")? == Value::Bool(true)).then_some(Target::Everybody)?
            }
            (None, Some(property), None) => Target::All(property),
            (Some(subject), None, None) => Target::User(subject),
            (Some(subject), Some(property), None) => Target::OfUser(subject, property),
            (_, _, Some(_)) => return None,
        };
        members.is_empty().then_some(Self { target, issued_before })
    }
}

/// A SHA-256 in hexadecimal or base64url.
fn parse_hash(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok();
    }
    let mut hash = [0; 32];
    for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = str::from_utf8(digits).ok().filter(|it| !it.starts_with('+'))?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use doorward_oauth::testing::caller_with;
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_800_000_000;
    const RULES: Rules = Rules { latest: NOW, any_organization: false };

    #[test]
    fn a_cut_off_says_whose_and_since_when() {
        let user = || "auth0|1".to_owned();
        let hash: [u8; 32] = Sha256::digest("a.b.c").into();
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let base64 = BASE64_URL_SAFE_NO_PAD.encode(hash);
        for (value, target) in [
            (json!({ "subject": "auth0|1" }), Target::User(user())),
            (json!({ "client": "c" }), Target::All(TokenProperty::Client("c".to_owned()))),
            (
                json!({ "organization": "org_1" }),
                Target::All(TokenProperty::Organization("org_1".to_owned())),
            ),
            (json!({ "token_id": "j" }), Target::All(TokenProperty::TokenId("j".to_owned()))),
            (json!({ "token_sha256": hex }), Target::All(TokenProperty::TokenHash(hash))),
            (json!({ "token_sha256": base64 }), Target::All(TokenProperty::TokenHash(hash))),
            (json!({ "everything": true }), Target::Everybody),
            (
                json!({ "subject": "auth0|1", "client": "c" }),
                Target::OfUser(user(), TokenProperty::Client("c".to_owned())),
            ),
        ] {
            let parsed = CutOff::parse(&value, RULES);
            assert_eq!(
                parsed,
                Ok(CutOff { target: target.clone(), issued_before: None }),
                "{value}"
            );
            let mut value = value;
            value["issued_before"] = json!(NOW);
            let parsed = CutOff::parse(&value, RULES);
            assert_eq!(parsed, Ok(CutOff { target, issued_before: Some(NOW) }), "{value}");
        }
    }

    #[test]
    fn what_is_misspelled_cuts_off_nobody() {
        for value in [
            json!(null),
            json!("auth0|1"),
            json!({}),
            json!({ "subject": "" }),
            json!({ "subject": 7 }),
            json!({ "user": "auth0|1" }),
            json!({ "subject": "a", "more": 1 }),
            json!({ "client": "c", "organization": "org_1" }),
            json!({ "subject": "a", "everything": true }),
            json!({ "everything": false }),
            json!({ "everything": "true" }),
            json!({ "token_sha256": "abc" }),
            json!({ "token_sha256": "+f".repeat(32) }),
            json!({ "issued_before": NOW }),
            json!({ "subject": "a", "issued_before": NOW + 1 }),
            json!({ "subject": "a", "issued_before": "2027-01-15T08:00:00Z" }),
            json!({ "subject": "a", "issued_before": -1 }),
        ] {
            assert_eq!(CutOff::parse(&value, RULES), Err(CutOffError::Invalid), "{value}");
        }
    }

    #[test]
    fn an_organization_of_the_tenant_is_cut_off_by_its_id_and_not_by_its_name() {
        for name in ["acme", "org_", "org_a b", "ORG_1", "org-1", ""] {
            for value in
                [json!({ "organization": name }), json!({ "subject": "a", "organization": name })]
            {
                let parsed = CutOff::parse(&value, RULES);
                assert_eq!(parsed, Err(CutOffError::OrganizationNotAnId), "{value}");
            }
        }
        let of_others = Rules { any_organization: true, ..RULES };
        let target = Target::All(TokenProperty::Organization("acme".to_owned()));
        let parsed = CutOff::parse(&json!({ "organization": "acme" }), of_others);
        assert_eq!(parsed, Ok(CutOff { target, issued_before: None }));
    }

    #[test]
    fn a_token_has_the_parts_that_it_names_and_no_two_parts_have_the_same_name() {
        let claims = json!({ "sub": "u", "client_id": "x", "org_id": "org_x", "jti": "x" });
        let caller = caller_with(claims.as_object().unwrap().clone(), "x");
        let names: Vec<String> =
            TokenProperty::of_token(&caller).map(|property| property.name()).collect();
        assert_eq!(names.len(), 4);
        for (index, name) in names.iter().enumerate() {
            assert!(name.len() == 22 && !names[..index].contains(name), "{names:?}");
        }
        let bare = caller_with(json!({ "sub": "u", "azp": "x" }).as_object().unwrap().clone(), "y");
        assert_eq!(TokenProperty::of_token(&bare).count(), 2);
    }
}
