//! The access of a caller, and how it is checked again later without the token.

use doorward_oauth::{AuthenticationError, Caller, TokenError};
use serde_json::{Value, json};

use super::cut_off::TokenProperty;
use crate::Tenant;

/// Whose access a revocation may be about.
pub(super) trait TokenFacts {
    fn subject(&self) -> &str;
    /// `iat` of the token, in seconds since the Unix epoch.
    fn issued_at(&self) -> u64;
    /// The names of the token's [properties](TokenProperty).
    fn properties(&self) -> Vec<String>;
}

impl TokenFacts for Caller {
    fn subject(&self) -> &str {
        Caller::subject(self)
    }

    fn issued_at(&self) -> u64 {
        Caller::issued_at(self)
    }

    fn properties(&self) -> Vec<String> {
        TokenProperty::of_token(self).map(|property| property.name()).collect()
    }
}

/// The access of a caller at one moment, to be checked again without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    subject: String,
    issued_at: u64,
    expires_at: u64,
    properties: Vec<String>,
    /// The last revocations about the user and about everybody; `None` if they were not known.
    revocations: Option<[u64; 2]>,
}

impl TokenFacts for Access {
    fn subject(&self) -> &str {
        &self.subject
    }

    fn issued_at(&self) -> u64 {
        self.issued_at
    }

    fn properties(&self) -> Vec<String> {
        self.properties.clone()
    }
}

impl Access {
    /// All of it, for [`parse`](Self::parse).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let Self { subject, issued_at, expires_at, properties, revocations } = self;
        json!([subject, issued_at, expires_at, properties, revocations])
    }

    /// Reads what [`to_json`](Self::to_json) wrote; `None` if it is anything else.
    #[must_use]
    pub fn parse(json: &Value) -> Option<Self> {
        let [subject, issued_at, expires_at, properties, revocations] = json.as_array()?.as_slice()
        else {
            return None;
        };
        let properties = properties.as_array()?.iter().map(|it| it.as_str().map(str::to_owned));
        let revocations = match revocations {
            Value::Null => None,
            known => match known.as_array()?.as_slice() {
                [user, everybody] => Some([user.as_u64()?, everybody.as_u64()?]),
                _ => return None,
            },
        };
        Some(Self {
            subject: subject.as_str()?.to_owned(),
            issued_at: issued_at.as_u64()?,
            expires_at: expires_at.as_u64()?,
            properties: properties.collect::<Option<_>>()?,
            revocations,
        })
    }
}

impl Tenant<'_> {
    /// The access of a caller now.
    pub async fn access_of(&self, caller: &Caller) -> Access {
        let known = self.revocations(caller).await;
        Access {
            subject: caller.subject().to_owned(),
            issued_at: caller.issued_at(),
            expires_at: caller.expires_at(),
            properties: match &self.settings.revocation {
                Some(_) => TokenFacts::properties(caller),
                None => Vec::new(),
            },
            revocations: known.map(|it| [it.user, it.everybody]),
        }
    }

    /// Checks an access again.
    ///
    /// # Errors
    ///
    /// Returns `Expired` or `CutOff`, the latter also if what is cached about the user was revoked
    /// meanwhile, or `RevocationUnknown` as [`admit`](Self::admit) does.
    pub async fn admit_again(&self, access: &Access) -> Result<(), AuthenticationError> {
        self.admit_unexpired(access.expires_at)?;
        let Some(settings) = &self.settings.revocation else { return Ok(()) };
        let known = self.read_known(settings, access).await;
        let [before, now] =
            [access.revocations, known.map(|it| [it.generations.user, it.generations.everybody])];
        match (before, now) {
            _ if known.is_some_and(|it| it.is_cut_off) => Err(TokenError::CutOff.into()),
            (Some(before), Some(now)) if before != now => Err(TokenError::CutOff.into()),
            (Some(_), Some(_)) => Ok(()),
            _ if settings.fail_closed => Err(AuthenticationError::RevocationUnknown),
            _ => Ok(()),
        }
    }

    /// Admits a token that has not expired since it was verified.
    pub(super) fn admit_unexpired(&self, expires_at: u64) -> Result<(), AuthenticationError> {
        let leeway = self.resource_server.settings.leeway;
        match expires_at.saturating_add(leeway) <= self.host().now() {
            true => Err(TokenError::Expired.into()),
            false => Ok(()),
        }
    }
}
