//! Every reason there is for a decision. The codes are stable: operators count them and set alarms on them.

use crate::{
    auth0::Decision,
    http::AdmissionRefused,
    oauth::{Refusal, TokenFault},
};

/// Why a request was let in or kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The token is good.
    Admitted,
    /// The request was sent to another host name.
    HostNotAllowed,
    /// A page of this origin may not use the server.
    OriginNotAllowed,
    /// What was found about a tool.
    Permission(Decision),
    /// What was wrong with the token, or with asking for its keys.
    Refused(Refusal),
}

impl From<AdmissionRefused> for Reason {
    fn from(refused: AdmissionRefused) -> Self {
        match refused {
            AdmissionRefused::Host => Self::HostNotAllowed,
            AdmissionRefused::Origin => Self::OriginNotAllowed,
        }
    }
}

impl Reason {
    /// `allowed`, `denied` (the caller is at fault), or `failed` (we are, or the tenant: trying again may help).
    #[must_use]
    pub fn outcome(self) -> &'static str {
        match self {
            Self::Admitted | Self::Permission(Decision::Allowed) => "allowed",
            Self::Permission(Decision::NotATenantUser | Decision::Undecided)
            | Self::Refused(Refusal::IssuerUnavailable) => "failed",
            _ => "denied",
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::HostNotAllowed => "host_not_allowed",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::Permission(Decision::Allowed) => "tool_allowed",
            Self::Permission(Decision::LacksPermission) => "tool_permission_missing",
            Self::Permission(Decision::NotATenantUser) => "tool_permission_of_other_issuer",
            Self::Permission(Decision::Undecided) => "tool_permission_unknown",
            Self::Refused(Refusal::IssuerUnavailable) => "issuer_unavailable",
            Self::Refused(Refusal::MalformedAuthorization) => "authorization_malformed",
            Self::Refused(Refusal::NoToken) => "token_missing",
            Self::Refused(Refusal::Token(fault)) => token_code(fault),
        }
    }
}

fn token_code(fault: TokenFault) -> &'static str {
    match fault {
        TokenFault::AlgorithmNotAllowed => "token_algorithm_not_allowed",
        TokenFault::AudienceWrong => "token_audience_wrong",
        TokenFault::ClaimsMalformed => "token_claims_malformed",
        TokenFault::ClientMissing => "token_client_missing",
        TokenFault::Expired => "token_expired",
        TokenFault::ExpiryMissing => "token_expiry_missing",
        TokenFault::ExtensionNotSupported => "token_extension_not_supported",
        TokenFault::IssuedInTheFuture => "token_issued_in_the_future",
        TokenFault::IssueTimeMissing => "token_issue_time_missing",
        TokenFault::IssuerWrong => "token_issuer_wrong",
        TokenFault::KeyNotForAlgorithm => "token_key_not_for_algorithm",
        TokenFault::KeyUnknown => "token_key_unknown",
        TokenFault::NotAJwt => "token_not_a_jwt",
        TokenFault::NotYetValid => "token_not_yet_valid",
        TokenFault::OrganizationNotAllowed => "token_organization_not_allowed",
        TokenFault::RequiredClaimWrong => "token_required_claim_wrong",
        TokenFault::SignatureWrong => "token_signature_wrong",
        TokenFault::SubjectMissing => "token_subject_missing",
        TokenFault::TimesAbsurd => "token_times_absurd",
        TokenFault::TooLarge => "token_too_large",
        TokenFault::TypeNotAllowed => "token_type_not_allowed",
    }
}
