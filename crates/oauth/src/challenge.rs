//! What a client is told that has no valid token, or one with too few scopes (RFC 6750, section 3;
//! RFC 9728, section 5.1). An [`AuthenticationError`] holds the exact reason; the answer made from
//! it is coarse on purpose.

use doorward_core::{
    scope::{self, Scope},
    web::Answer,
};
use http::{StatusCode, header};

use crate::{
    AuthenticationError, DpopPolicy, ProofError, Scheme, Settings, TokenError,
    metadata::proof_algorithms,
};

/// The parameters of a `WWW-Authenticate` header.
#[derive(Clone, Copy, Debug)]
struct Challenge<'a> {
    /// How the token must be sent.
    scheme: Scheme,
    /// `error`; `None` if no token was sent.
    error: Option<&'a str>,
    /// `error_description`.
    description: Option<&'a str>,
    /// The scopes to ask for.
    scopes: &'a [Scope],
}

impl AuthenticationError {
    /// The answer to a request that used `scheme`.
    #[must_use]
    pub fn answer(self, settings: &Settings, scheme: Scheme) -> Answer {
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
            Self::Token(TokenError::Expired) => (
                StatusCode::UNAUTHORIZED,
                "token_expired",
                "The access token has expired. Refresh it or sign in again.",
            ),
            Self::Token(error) => {
                (StatusCode::UNAUTHORIZED, "invalid_token", describe_token(error))
            }
            Self::Proof(error) => {
                (StatusCode::UNAUTHORIZED, "invalid_dpop_proof", describe_proof(error))
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
            Self::Proof(_) | Self::Token(TokenError::BoundButSentAsBearer) => true,
            _ => settings.dpop == DpopPolicy::Required,
        };
        let challenge = Challenge {
            scheme: if needs_proof { Scheme::Dpop } else { scheme },
            // `token_expired` is not among the registered codes of RFC 6750.
            error: match self {
                Self::NoToken => None,
                Self::MalformedAuthorization => Some("invalid_request"),
                Self::Proof(_) => Some("invalid_dpop_proof"),
                _ => Some("invalid_token"),
            },
            description: (self != Self::NoToken).then_some(description),
            scopes: &settings.resource.scopes_supported,
        };
        Answer::error(status, error, description)
            .with(header::WWW_AUTHENTICATE, &challenge.header(settings))
    }
}

/// The answer to a caller whose token lacks scopes: 403 with all `needed` ones, so that one more
/// consent is enough.
///
/// A permission that the user does not hold does not belong here: no consent can help.
#[must_use]
pub fn insufficient_scope(settings: &Settings, needed: &[Scope]) -> Answer {
    let description = format!("This needs the scopes: {}", scope::join(needed));
    let challenge = Challenge {
        scheme: match settings.dpop {
            DpopPolicy::Optional => Scheme::Bearer,
            DpopPolicy::Required => Scheme::Dpop,
        },
        error: Some("insufficient_scope"),
        description: Some(&description),
        scopes: needed,
    };
    Answer::error(StatusCode::FORBIDDEN, "insufficient_scope", &description)
        .with(header::WWW_AUTHENTICATE, &challenge.header(settings))
}

impl Challenge<'_> {
    /// The header's value: one challenge with quoted parameters.
    fn header(&self, settings: &Settings) -> String {
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
            parameter("scope", &scope::join(self.scopes));
        }
        parameter("resource_metadata", &settings.resource.metadata_url);
        value
    }
}

/// What the sender of an invalid token may know: nothing about what comes before the signature.
fn describe_token(error: TokenError) -> &'static str {
    match error {
        TokenError::AudienceWrong => "The access token was issued for another API.",
        TokenError::IssuedInTheFuture | TokenError::NotYetValid => {
            "The access token is not valid yet."
        }
        TokenError::OrganizationNotAllowed => {
            "Sign in to an organization that may use this server."
        }
        TokenError::BindingNotSupported => {
            "The access token is bound in a way that this server does not support."
        }
        TokenError::BoundButSentAsBearer => {
            "The access token is bound to a key. Send it with the DPoP scheme and a proof."
        }
        TokenError::NotBound => "The access token is not bound to a key (DPoP).",
        _ => "The access token is not valid for this server.",
    }
}

/// What the sender of an invalid proof may know. Its token is valid, so this only tells how to make
/// a better proof.
fn describe_proof(error: ProofError) -> &'static str {
    match error {
        ProofError::Missing | ProofError::Repeated => "Send one DPoP header with one proof in it.",
        ProofError::MethodWrong | ProofError::UrlWrong => {
            "The DPoP proof is for another method or URL."
        }
        ProofError::TimeWrong => {
            "The DPoP proof is not of now. Make a new one, with a clock that is right."
        }
        ProofError::Replayed => "The DPoP proof was used before. Make a new one for every request.",
        ProofError::KeyWrong | ProofError::TokenHashWrong => {
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
