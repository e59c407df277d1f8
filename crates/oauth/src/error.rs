//! Why a request has no caller.

use std::{error::Error, fmt};

use doorward_core::{
    audit::{Outcome, Reason},
    reasons,
};

use crate::IssuerUnavailable;

reasons! {
    /// The exact reason why a token is refused. It is for tests and for the operator, not for the
    /// sender.
    pub enum TokenError {
        /// `alg` is not an allowed algorithm
        AlgorithmNotAllowed = "token_algorithm_not_allowed",
        /// `aud` does not name an audience of this server
        AudienceWrong = "token_audience_wrong",
        /// `cnf` binds the token to something else than one key (RFC 7800, section 3.1)
        BindingNotSupported = "token_binding_not_supported",
        /// The token is bound to a key and was sent without a proof (RFC 9449, section 7.2)
        BoundButSentAsBearer = "token_bound_but_sent_as_bearer",
        /// The claims are not a JSON object of the expected types
        ClaimsMalformed = "token_claims_malformed",
        /// Neither `client_id` nor `azp` names a client
        ClientMissing = "token_client_missing",
        /// `crit` or `b64` asks for an extension (RFC 7515, section 4.1.11; RFC 7797)
        ExtensionNotSupported = "token_extension_not_supported",
        /// Access with this token was cut off
        CutOff = "token_cut_off",
        /// `exp` is in the past
        Expired = "token_expired",
        /// `exp` is missing
        ExpiryMissing = "token_expiry_missing",
        /// `iat` is in the future
        IssuedInTheFuture = "token_issued_in_the_future",
        /// `iat` is missing
        IssueTimeMissing = "token_issue_time_missing",
        /// `iss` is not a configured issuer
        IssuerWrong = "token_issuer_wrong",
        /// The key that the token names is for another algorithm
        KeyNotForAlgorithm = "token_key_not_for_algorithm",
        /// The issuer has no key with this `kid`
        KeyUnknown = "token_key_unknown",
        /// Not three base64url segments, or a header that is not a JSON object
        NotAJwt = "token_not_a_jwt",
        /// The issuer says that the opaque token is not active (RFC 7662)
        NotActive = "token_not_active",
        /// The token is not bound to a key, but was sent as DPoP, or a bound one is required
        NotBound = "token_not_bound",
        /// `nbf` is in the future
        NotYetValid = "token_not_yet_valid",
        /// The organization is missing or not an allowed one
        OrganizationNotAllowed = "token_organization_not_allowed",
        /// A claim that every token of the issuer has is missing or has another value
        RequiredClaimWrong = "token_required_claim_wrong",
        /// The signature does not match
        SignatureWrong = "token_signature_wrong",
        /// `sub` is missing
        SubjectMissing = "token_subject_missing",
        /// The times are beyond any calendar, or the end is before the beginning
        TimesInvalid = "token_times_absurd",
        /// The token is larger than any access token
        TooLarge = "token_too_large",
        /// The token was issued more than 30 days ago, and cut-offs are kept no longer
        TooOld = "token_too_old",
        /// `typ` or the claims are those of another kind of token (RFC 9068, section 4)
        TypeNotAllowed = "token_type_not_allowed",
        /// The tenant has blocked the user, or does not know the user
        UserBlocked = "token_user_blocked",
    }
}

reasons! {
    /// The exact reason why a proof is refused. It is for tests and for the operator.
    pub enum ProofError {
        /// `alg` is not an algorithm that proofs may be signed with
        AlgorithmNotAllowed = "proof_algorithm_not_allowed",
        /// The claims are not a JSON object of the expected types
        ClaimsMalformed = "proof_claims_malformed",
        /// `crit` or `b64` asks for an extension
        ExtensionNotSupported = "proof_extension_not_supported",
        /// `jti` is missing or too long
        IdMissing = "proof_id_missing",
        /// `iat` is missing
        IssueTimeMissing = "proof_issue_time_missing",
        /// `jwk` is not a public key for `alg`
        KeyMalformed = "proof_key_malformed",
        /// `jwk` holds a private key
        KeyPrivate = "proof_key_private",
        /// The token is bound to another key
        KeyWrong = "proof_key_wrong",
        /// `htm` is not the request's method
        MethodWrong = "proof_method_wrong",
        /// The `DPoP` header is missing
        Missing = "proof_missing",
        /// `nonce` is missing, and has to be there
        NonceMissing = "proof_nonce_missing",
        /// `nonce` is not one of this server's for this key, or has expired
        NonceWrong = "proof_nonce_wrong",
        /// Not three base64url segments, or a header that is not a JSON object
        NotAJwt = "proof_not_a_jwt",
        /// The request has several `DPoP` headers, or several proofs in one
        Repeated = "proof_repeated",
        /// The proof was used before
        Replayed = "proof_replayed",
        /// The signature does not match
        SignatureWrong = "proof_signature_wrong",
        /// `iat` is too long ago, or in the future
        TimeWrong = "proof_time_wrong",
        /// `ath` is not the hash of the token
        TokenHashWrong = "proof_token_hash_wrong",
        /// The proof is larger than any proof
        TooLarge = "proof_too_large",
        /// `typ` is not `dpop+jwt`
        TypeWrong = "proof_type_wrong",
        /// `htu` is not the URL of the MCP endpoint
        UrlWrong = "proof_url_wrong",
    }
}

/// Why a request has no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationError {
    /// The issuer does not say whether the opaque token is active.
    IntrospectionUnavailable,
    /// The issuer's keys are not available, so nothing can be verified.
    IssuerUnavailable,
    /// The `Authorization` header is malformed.
    MalformedAuthorization,
    /// No access token was sent.
    NoToken,
    /// The token is bound to a key, and the proof of that key is invalid.
    Proof(ProofError),
    /// It is unknown whether the proof was used before.
    ReplayUnknown,
    /// It is unknown whether access was cut off.
    RevocationUnknown,
    /// The token is invalid.
    Token(TokenError),
    /// Too many tokens or proofs of this sender were refused, so this one was not checked. The
    /// value is the number of seconds until another one is checked.
    TooManyFailures(u64),
    /// It is unknown whether the tenant has blocked the user.
    UserStateUnknown,
}

impl AuthenticationError {
    /// The errors that have an audit code of their own.
    pub(crate) const OWN: &[Self] = &[
        Self::IntrospectionUnavailable,
        Self::IssuerUnavailable,
        Self::MalformedAuthorization,
        Self::NoToken,
        Self::ReplayUnknown,
        Self::RevocationUnknown,
        Self::TooManyFailures(0),
        Self::UserStateUnknown,
    ];
}

impl fmt::Display for AuthenticationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IntrospectionUnavailable => {
                f.write_str("the issuer does not say whether the token is active")
            }
            Self::IssuerUnavailable => IssuerUnavailable.fmt(f),
            Self::MalformedAuthorization => f.write_str("the Authorization header is malformed"),
            Self::NoToken => f.write_str("no access token was sent"),
            Self::Proof(error) => error.fmt(f),
            Self::ReplayUnknown => f.write_str("it is unknown whether the proof was used before"),
            Self::RevocationUnknown => f.write_str("it is unknown whether access was cut off"),
            Self::Token(error) => error.fmt(f),
            Self::TooManyFailures(_) => f.write_str("too many tokens or proofs were refused"),
            Self::UserStateUnknown => f.write_str("it is unknown whether the user is blocked"),
        }
    }
}

impl Error for AuthenticationError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Proof(error) => Some(error),
            Self::Token(error) => Some(error),
            _ => None,
        }
    }
}

impl Reason for AuthenticationError {
    fn code(&self) -> &'static str {
        match self {
            Self::IntrospectionUnavailable => "introspection_unavailable",
            Self::IssuerUnavailable => "issuer_unavailable",
            Self::MalformedAuthorization => "authorization_malformed",
            Self::NoToken => "token_missing",
            Self::Proof(error) => error.code(),
            Self::ReplayUnknown => "proof_replay_unknown",
            Self::RevocationUnknown => "revocation_unknown",
            Self::Token(error) => error.code(),
            Self::TooManyFailures(_) => "limit_failures",
            Self::UserStateUnknown => "user_state_unknown",
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::IntrospectionUnavailable
            | Self::IssuerUnavailable
            | Self::ReplayUnknown
            | Self::RevocationUnknown
            | Self::UserStateUnknown => Outcome::Failed,
            _ => Outcome::Denied,
        }
    }
}

impl From<TokenError> for AuthenticationError {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<ProofError> for AuthenticationError {
    fn from(error: ProofError) -> Self {
        Self::Proof(error)
    }
}

impl From<IssuerUnavailable> for AuthenticationError {
    fn from(_: IssuerUnavailable) -> Self {
        Self::IssuerUnavailable
    }
}
