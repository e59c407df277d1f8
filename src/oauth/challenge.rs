//! Refusals, and what the client is told about them (RFC 6750, section 3; RFC 9728, section 5.1).
//!
//! A [`Refusal`] holds the exact reason; the answer made from it is coarse on purpose.

use ::http::{StatusCode, header};

use super::{
    IssuerUnavailable, ProofFault, Scheme, TokenFault,
    metadata::{proof_algorithms, resource_metadata_url},
};
use crate::{
    config::{Config, DpopPolicy},
    http::Answer,
};

/// Why a request has no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The issuer's keys cannot be had, so nothing can be verified.
    IssuerUnavailable,
    /// The `Authorization` header cannot be understood.
    MalformedAuthorization,
    /// No access token was sent.
    NoToken,
    /// The token is bound to a key, and the proof of that key is not good.
    Proof(ProofFault),
    /// Whether the proof was used before cannot be known.
    ReplayUnknown,
    /// A token was sent that does not get in.
    Token(TokenFault),
}

/// The parameters of a `WWW-Authenticate` header.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> {
    /// How the token has to be sent.
    pub scheme: Scheme,
    /// `error`; none when no token was sent.
    pub error: Option<&'a str>,
    /// `error_description`.
    pub description: Option<&'a str>,
    /// The scopes to ask for.
    pub scopes: &'a [String],
}

impl From<TokenFault> for Refusal {
    fn from(fault: TokenFault) -> Self {
        Self::Token(fault)
    }
}

impl From<ProofFault> for Refusal {
    fn from(fault: ProofFault) -> Self {
        Self::Proof(fault)
    }
}

impl From<IssuerUnavailable> for Refusal {
    fn from(_: IssuerUnavailable) -> Self {
        Self::IssuerUnavailable
    }
}

impl Refusal {
    /// The answer to a request that is refused for this reason, and that used this scheme.
    #[must_use]
    pub fn answer(self, config: &Config, scheme: Scheme) -> Answer {
        let (status, error, description) = match self {
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "Send an access token in the Authorization header.",
            ),
            Self::MalformedAuthorization => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "The Authorization header must be `Bearer` or `DPoP`, a space and one access token.",
            ),
            Self::Token(TokenFault::Expired) => (
                StatusCode::UNAUTHORIZED,
                "token_expired",
                "The access token has expired. Refresh it or sign in again.",
            ),
            Self::Token(fault) => (StatusCode::UNAUTHORIZED, "invalid_token", described(fault)),
            Self::Proof(fault) => {
                (StatusCode::UNAUTHORIZED, "invalid_dpop_proof", proof_described(fault))
            }
            Self::IssuerUnavailable => {
                return unavailable(
                    "Access tokens cannot be verified just now. Try again in a moment.",
                );
            }
            Self::ReplayUnknown => {
                return unavailable(
                    "DPoP proofs cannot be verified just now. Try again in a moment, with a new one.",
                );
            }
        };
        let needs_proof = match self {
            Self::Proof(_) | Self::Token(TokenFault::BoundButSentAsBearer) => true,
            _ => config.dpop == DpopPolicy::Required,
        };
        let challenge = Challenge {
            scheme: if needs_proof { Scheme::Dpop } else { scheme },
            // The registered codes of RFC 6750 know no `token_expired`.
            error: match self {
                Self::NoToken => None,
                Self::MalformedAuthorization => Some("invalid_request"),
                Self::Proof(_) => Some("invalid_dpop_proof"),
                _ => Some("invalid_token"),
            },
            description: (self != Self::NoToken).then_some(description),
            scopes: &config.scopes_supported,
        };
        Answer::error(status, error, description)
            .with(header::WWW_AUTHENTICATE, &challenge.header(config))
    }
}

/// The answer to a caller whose token lacks scopes: 403 with all that are needed, so that one more consent is enough.
///
/// Only what more consent can help with belongs here. A permission that the user does not hold is not a scope to ask for.
#[must_use]
pub fn insufficient_scope(config: &Config, needed: &[String]) -> Answer {
    let description = format!("This needs the scopes: {}", needed.join(" "));
    let challenge = Challenge {
        scheme: match config.dpop {
            DpopPolicy::Optional => Scheme::Bearer,
            DpopPolicy::Required => Scheme::Dpop,
        },
        error: Some("insufficient_scope"),
        description: Some(&description),
        scopes: needed,
    };
    Answer::error(StatusCode::FORBIDDEN, "insufficient_scope", &description)
        .with(header::WWW_AUTHENTICATE, &challenge.header(config))
}

impl Challenge<'_> {
    /// The header's value: one challenge, quoted, with an absolute URL.
    #[must_use]
    pub fn header(&self, config: &Config) -> String {
        let mut value = format!("{} ", self.scheme.as_str());
        let mut parameter = |name: &str, text: &str| {
            if !value.ends_with(' ') {
                value.push_str(", ");
            }
            value.push_str(name);
            value.push_str("=\"");
            for character in text.chars() {
                if matches!(character, '"' | '\\') {
                    value.push('\\');
                }
                value.push(character);
            }
            value.push('"');
        };
        if let Some(error) = self.error {
            parameter("error", error);
        }
        if let Some(description) = self.description {
            parameter("error_description", description);
        }
        if self.scheme == Scheme::Dpop {
            parameter("algs", &proof_algorithms().join(" "));
        }
        if !self.scopes.is_empty() {
            parameter("scope", &self.scopes.join(" "));
        }
        parameter("resource_metadata", &resource_metadata_url(config));
        value
    }
}

/// What the sender of a bad token may know. Before the signature was checked that is nothing.
fn described(fault: TokenFault) -> &'static str {
    match fault {
        TokenFault::AudienceWrong => "The access token was issued for another API.",
        TokenFault::IssuedInTheFuture | TokenFault::NotYetValid => {
            "The access token is not valid yet."
        }
        TokenFault::OrganizationNotAllowed => {
            "Sign in to an organization that may use this server."
        }
        TokenFault::BindingNotSupported => {
            "The access token is bound in a way that this server does not support."
        }
        TokenFault::BoundButSentAsBearer => {
            "The access token is bound to a key. Send it with the DPoP scheme and a proof."
        }
        TokenFault::NotBound => "The access token is not bound to a key (DPoP).",
        _ => "The access token is not valid for this server.",
    }
}

/// What the sender of a bad proof may know. Its token is good, so this tells nothing but how to make a better proof.
fn proof_described(fault: ProofFault) -> &'static str {
    match fault {
        ProofFault::Missing | ProofFault::Repeated => "Send one DPoP header with one proof in it.",
        ProofFault::MethodWrong | ProofFault::UrlWrong => {
            "The DPoP proof is for another method or URL."
        }
        ProofFault::TimeWrong => {
            "The DPoP proof is not of now. Make a new one, by a clock that is right."
        }
        ProofFault::Replayed => "The DPoP proof was used before. Make a new one for every request.",
        ProofFault::KeyWrong | ProofFault::TokenHashWrong => {
            "The DPoP proof does not belong to the access token."
        }
        _ => "The DPoP proof is not valid.",
    }
}

fn unavailable(description: &str) -> Answer {
    Answer::error(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", description)
        .with(header::RETRY_AFTER, "5")
}

#[cfg(test)]
mod tests;
