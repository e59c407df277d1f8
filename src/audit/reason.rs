//! Every reason there is for a decision. The codes are stable: operators count them and set alarms on them.

use crate::{
    auth0::{Decision, PermissionFault},
    connect::Ending,
    http::AdmissionRefused,
    oauth::{ProofFault, Refusal, TokenFault},
};

/// Why a request was let in or kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The token is good.
    Admitted,
    /// How connecting an account ended.
    Connect(Ending),
    /// The request was sent to another host name.
    HostNotAllowed,
    /// A page of this origin may not use the server.
    OriginNotAllowed,
    /// Remembered permissions count no more.
    PermissionsRevoked,
    /// Whoever wanted that does not know the secret.
    RevocationRefused,
    /// The caller may use the tool.
    ToolAllowed,
    /// There is no such tool for the caller.
    ToolHidden,
    /// The caller lacks the permission.
    ToolPermissionMissing,
    /// It could not be found out whether the caller has it.
    ToolPermissionUnknown(PermissionFault),
    /// The token lacks a scope.
    ToolScopeMissing,
    /// The tenant does not know the user.
    ToolUserUnknown,
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

impl From<&Decision> for Reason {
    fn from(decision: &Decision) -> Self {
        match decision {
            Decision::Allowed => Self::ToolAllowed,
            Decision::Hidden => Self::ToolHidden,
            Decision::LacksPermission => Self::ToolPermissionMissing,
            Decision::NeedsScope(_) => Self::ToolScopeMissing,
            Decision::Undecided(undecided) => Self::ToolPermissionUnknown(undecided.fault),
            Decision::UserUnknown => Self::ToolUserUnknown,
        }
    }
}

impl Reason {
    /// `allowed`, `denied` (the caller is at fault), or `failed` (we are, or the tenant: trying again may help).
    #[must_use]
    pub fn outcome(self) -> &'static str {
        match self {
            Self::Admitted
            | Self::PermissionsRevoked
            | Self::ToolAllowed
            | Self::Connect(Ending::Connected) => "allowed",
            Self::ToolPermissionUnknown(_)
            | Self::Refused(Refusal::IssuerUnavailable | Refusal::ReplayUnknown)
            | Self::Connect(Ending::Refused | Ending::Unavailable) => "failed",
            _ => "denied",
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Connect(ending) => connect_code(ending),
            Self::HostNotAllowed => "host_not_allowed",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::PermissionsRevoked => "permissions_revoked",
            Self::RevocationRefused => "revocation_refused",
            Self::ToolAllowed => "tool_allowed",
            Self::ToolHidden => "tool_hidden",
            Self::ToolPermissionMissing => "tool_permission_missing",
            Self::ToolPermissionUnknown(fault) => permission_code(fault),
            Self::ToolScopeMissing => "tool_scope_missing",
            Self::ToolUserUnknown => "tool_user_unknown",
            Self::Refused(Refusal::IssuerUnavailable) => "issuer_unavailable",
            Self::Refused(Refusal::MalformedAuthorization) => "authorization_malformed",
            Self::Refused(Refusal::NoToken) => "token_missing",
            Self::Refused(Refusal::Proof(fault)) => proof_code(fault),
            Self::Refused(Refusal::ReplayUnknown) => "proof_replay_unknown",
            Self::Refused(Refusal::Token(fault)) => token_code(fault),
        }
    }
}

fn connect_code(ending: Ending) -> &'static str {
    match ending {
        Ending::Connected => "account_connected",
        Ending::Conflict => "connect_account_taken",
        Ending::Declined => "connect_declined",
        Ending::LinkTooOld => "connect_link_too_old",
        Ending::LinkWrong => "connect_link_wrong",
        Ending::Mismatch => "connect_answer_wrong",
        Ending::NotBegun => "connect_not_begun",
        Ending::NotSignedIn => "connect_not_signed_in",
        Ending::OtherUser => "connect_other_user",
        Ending::Refused => "connect_refused",
        Ending::TooSlow => "connect_too_slow",
        Ending::Unavailable => "connect_unavailable",
    }
}

fn proof_code(fault: ProofFault) -> &'static str {
    match fault {
        ProofFault::AlgorithmNotAllowed => "proof_algorithm_not_allowed",
        ProofFault::ClaimsMalformed => "proof_claims_malformed",
        ProofFault::ExtensionNotSupported => "proof_extension_not_supported",
        ProofFault::IdMissing => "proof_id_missing",
        ProofFault::IssueTimeMissing => "proof_issue_time_missing",
        ProofFault::KeyMalformed => "proof_key_malformed",
        ProofFault::KeyPrivate => "proof_key_private",
        ProofFault::KeyWrong => "proof_key_wrong",
        ProofFault::MethodWrong => "proof_method_wrong",
        ProofFault::Missing => "proof_missing",
        ProofFault::NotAJwt => "proof_not_a_jwt",
        ProofFault::Repeated => "proof_repeated",
        ProofFault::Replayed => "proof_replayed",
        ProofFault::SignatureWrong => "proof_signature_wrong",
        ProofFault::TimeWrong => "proof_time_wrong",
        ProofFault::TokenHashWrong => "proof_token_hash_wrong",
        ProofFault::TooLarge => "proof_too_large",
        ProofFault::TypeWrong => "proof_type_wrong",
        ProofFault::UrlWrong => "proof_url_wrong",
    }
}

fn permission_code(fault: PermissionFault) -> &'static str {
    match fault {
        PermissionFault::AnswerBroken => "permission_answer_broken",
        PermissionFault::AnswerMalformed => "permission_answer_malformed",
        PermissionFault::AnswerTooLarge => "permission_answer_too_large",
        PermissionFault::ApiUnknown => "permission_api_unknown",
        PermissionFault::Forbidden => "permission_source_forbidden",
        PermissionFault::HostNotAllowed => "permission_source_not_allowed",
        PermissionFault::RateLimited => "permission_source_rate_limited",
        PermissionFault::ServerError => "permission_source_failing",
        PermissionFault::StatusUnexpected => "permission_source_unexpected",
        PermissionFault::TimedOut => "permission_source_timed_out",
        PermissionFault::TokenRefused => "permission_token_refused",
        PermissionFault::TokenUnavailable => "permission_token_unavailable",
        PermissionFault::Unauthorized => "permission_source_unauthorized",
        PermissionFault::Unreachable => "permission_source_unreachable",
    }
}

fn token_code(fault: TokenFault) -> &'static str {
    match fault {
        TokenFault::AlgorithmNotAllowed => "token_algorithm_not_allowed",
        TokenFault::AudienceWrong => "token_audience_wrong",
        TokenFault::BindingNotSupported => "token_binding_not_supported",
        TokenFault::BoundButSentAsBearer => "token_bound_but_sent_as_bearer",
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
        TokenFault::NotBound => "token_not_bound",
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
