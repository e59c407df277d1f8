//! The audit log: one line of JSON for every decision, and for how a call ended. See
//! `docs/audit.md`.
//!
//! It says who was let in or kept out, and why: no token, no other claim, nothing of a body. This
//! module knows no domain. Whatever decides implements [`Reason`] and owns its codes.

use std::{
    borrow::Cow,
    cell::{Ref, RefCell},
    hash::{BuildHasher, RandomState},
    rc::Rc,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::SecondsFormat;

use crate::{
    access::{Item, ItemKind},
    host::{Host, date_time},
    keys::{Keys, Purpose},
    settings::Reader,
    text::printable_ascii,
    trace::Trace,
    variables,
};

variables! {
    /// How the [audit log](audit.md) names subjects: `plain` or `hashed`
    AUDIT_SUBJECT = optional("audit_subject", "plain");
}

/// How a decision, or what it let in, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The caller was let in.
    Allowed,
    /// The caller was refused, and is at fault.
    Denied,
    /// Something failed here or at another service.
    Failed,
    /// A call did what it was for.
    Succeeded,
    /// The client went away before a call ended.
    Canceled,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

/// Why a request was let in or kept out.
pub trait Reason {
    /// The stable code. Operators count codes and set alarms on them.
    fn code(&self) -> &'static str;

    /// How the decision ended.
    fn outcome(&self) -> Outcome {
        Outcome::Denied
    }
}

/// Declares an error type whose variants are reasons: each with its text, which is its doc comment,
/// and its stable code. The outcome is [`Denied`](Outcome::Denied), unless one is given for the
/// type or for a variant.
///
/// ```
/// use doorward_core::{audit::Reason, reasons};
///
/// reasons! {
///     /// Why a door stays shut.
///     pub enum DoorError {
///         /// The key is for another lock
///         WrongKey = "wrong_key",
///         /// The lock does not turn
///         Stuck = "stuck" (Failed),
///     }
/// }
/// assert_eq!(DoorError::WrongKey.to_string(), "the key is for another lock");
/// assert_eq!(DoorError::WrongKey.code(), "wrong_key");
/// assert_eq!(DoorError::ALL.len(), 2);
/// ```
#[macro_export]
macro_rules! reasons {
    (@outcome $default:expr) => { $default };
    (@outcome $default:expr, $own:ident) => { $crate::audit::Outcome::$own };
    (
        $(#[$attribute:meta])*
        pub enum $name:ident $(($outcome:ident))? {
            $($(#[doc = $text:literal])+ $variant:ident = $code:literal $(($own:ident))?,)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[doc = $text])+ $variant,)+
        }

        impl $name {
            /// Every reason of this type.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
        }

        impl $crate::audit::Reason for $name {
            fn code(&self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }

            fn outcome(&self) -> $crate::audit::Outcome {
                const DEFAULT: $crate::audit::Outcome =
                    $crate::reasons!(@outcome $crate::audit::Outcome::Denied $(, $outcome)?);
                match self {
                    $(Self::$variant => $crate::reasons!(@outcome DEFAULT $(, $own)?),)+
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&$crate::audit::sentence(match self {
                    $(Self::$variant => concat!($($text),+),)+
                }))
            }
        }

        impl ::std::error::Error for $name {}
    };
}

/// A doc comment as the text of an error: it begins in lower case, unless it begins with a name.
#[doc(hidden)]
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut rest = text.trim().chars();
    let first = rest.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(rest).collect()
}

/// How the audit log names subjects.
#[derive(Clone, Debug)]
pub enum SubjectNames {
    /// `sub` as it is.
    Plain,
    /// A digest that is the same for the same subject. Only the holder of the server's secret can
    /// compute it.
    Hashed(Keys),
}

/// The operator's choice among [`SubjectNames`], before the keys are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectForm {
    /// See [`SubjectNames::Plain`].
    Plain,
    /// See [`SubjectNames::Hashed`].
    Hashed,
}

impl SubjectForm {
    /// Reads the form from the variables; `None` if the variable is invalid.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        reader.get(&AUDIT_SUBJECT, |value| match value {
            "plain" => Ok(Self::Plain),
            "hashed" => Ok(Self::Hashed),
            _ => Err("is neither `plain` nor `hashed`"),
        })
    }

    /// The names under these keys.
    #[must_use]
    pub fn with_keys(self, keys: &Keys) -> SubjectNames {
        match self {
            Self::Plain => SubjectNames::Plain,
            Self::Hashed => SubjectNames::Hashed(keys.clone()),
        }
    }
}

/// The caller that a decision is about.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `sub`.
    pub subject: &'a str,
    /// The client; `None` for a person who came with a browser.
    pub client: Option<&'a str>,
    /// Who acts, if that is not the subject through the client.
    pub actor: Option<&'a str>,
    /// What kind of caller it is; `None` for a person who came with a browser.
    pub kind: Option<&'static str>,
}

/// What a revocation is about: all tokens that have what it names; without any, everybody's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Revoked<'a> {
    /// `sub`, whoever issued it, and before it the issuer that a hash of it is made with.
    pub subject: Option<(&'a str, &'a str)>,
    /// The client that the tokens were issued to.
    pub client: Option<&'a str>,
    /// The id of the organization that the user signed in to.
    pub organization: Option<&'a str>,
    /// `jti` of one token, or its SHA-256 in base64url.
    pub token: Option<&'a str>,
    /// Only tokens that were issued up to this time, in seconds since the Unix epoch.
    pub issued_before: Option<u64>,
}

/// What a call did until it ended. Each text is one of a few that this server chose.
#[derive(Clone, Copy, Debug)]
pub struct CallMeasures<'a> {
    /// How long it ran, in milliseconds.
    pub duration_ms: u64,
    /// How many requests it sent to other services.
    pub upstream_calls: u32,
    /// How long it waited for them, in milliseconds. Those at the same time are added up.
    pub upstream_ms: u64,
    /// What came of the last of them: its status, or the code of its error.
    pub upstream_result: Option<&'a str>,
    /// What came of the last exchange of the caller's token.
    pub exchange: Option<&'a str>,
}

/// One decision, or the end of a call.
#[derive(Clone, Copy)]
pub struct AuditEvent<'a> {
    /// Why.
    pub reason: &'a dyn Reason,
    /// Whom it is about, if that is known.
    pub who: Option<Who<'a>>,
    /// The tool, prompt or resource it is about.
    pub item: Option<Item<'a>>,
    /// The trace that the request is part of.
    pub trace: Option<&'a Trace>,
    /// How a call went, if this is its end.
    pub call: Option<CallMeasures<'a>>,
    /// What is revoked, if this is a revocation.
    pub revoked: Option<Revoked<'a>>,
}

/// Writes the decisions about one request.
#[derive(Debug)]
pub struct Audit {
    names: Rc<SubjectNames>,
    request_id: String,
    started_at: u64,
    /// The last time that was written, in milliseconds and as text. Most lines of a request share
    /// it, and formatting it is most of the work of a line.
    time: RefCell<(u64, String)>,
}

/// A line that is being written: the members so far.
struct Line(String);

impl Audit {
    /// Begins the log of a request that has just come in.
    #[must_use]
    pub fn begin(host: &dyn Host, names: &Rc<SubjectNames>) -> Self {
        let started_at = host.now_millis();
        Self {
            names: Rc::clone(names),
            // Every `RandomState` is seeded anew. The id tells requests apart and is not a secret.
            request_id: format!("{:016x}", RandomState::new().hash_one(started_at)),
            started_at,
            time: RefCell::new((u64::MAX, String::new())),
        }
    }

    /// Writes one decision, or the end of a call.
    pub fn write(&self, host: &dyn Host, event: &AuditEvent<'_>) {
        let now = host.now_millis();
        let time = self.time_of(now);
        let revoked = event.revoked.unwrap_or_default();
        let subject = event.who.map(|who| (who.issuer, who.subject)).or(revoked.subject);
        let name_of = |kind| event.item.filter(|item| item.kind == kind).map(|item| item.name);
        let subject = subject.map(|(issuer, subject)| self.names.name(issuer, subject));
        let actor = event.who.and_then(|who| self.names.actor(&who));
        let mut line = Line(String::with_capacity(512));
        line.text("time", Some(&time));
        line.text("request_id", Some(&self.request_id));
        line.text("outcome", Some(event.reason.outcome().as_str()));
        line.text("reason", Some(event.reason.code()));
        line.text("issuer", event.who.map(|who| who.issuer));
        line.text("subject", subject.as_deref());
        line.text("client", event.who.and_then(|who| who.client).or(revoked.client));
        line.text("organization", revoked.organization);
        line.text("token", revoked.token);
        line.number("issued_before", revoked.issued_before);
        line.text("kind", event.who.and_then(|who| who.kind));
        line.text("actor", actor.as_deref());
        line.text("tool", name_of(ItemKind::Tool));
        line.text("prompt", name_of(ItemKind::Prompt));
        line.text("resource", name_of(ItemKind::Resource));
        line.number("latency_ms", Some(now.saturating_sub(self.started_at)));
        if let Some(call) = event.call {
            line.number("duration_ms", Some(call.duration_ms));
            line.number("upstream_calls", Some(call.upstream_calls.into()));
            line.number("upstream_ms", Some(call.upstream_ms));
            line.text("upstream_result", call.upstream_result);
            line.text("exchange", call.exchange);
        }
        line.text("trace_id", event.trace.map(Trace::id));
        host.audit(&line.end());
    }

    fn time_of(&self, now: u64) -> Ref<'_, str> {
        if self.time.borrow().0 != now {
            let text = date_time(now).map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
            self.time.replace((now, text.unwrap_or_default()));
        }
        Ref::map(self.time.borrow(), |(_, text)| text.as_str())
    }
}

impl Line {
    /// Adds a member, in printable ASCII.
    fn text(&mut self, name: &str, value: Option<&str>) {
        let Some(value) = value else { return };
        self.name(name);
        let is_plain = |byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        if value.bytes().all(is_plain) {
            self.0.push('"');
            self.0.push_str(value);
            self.0.push('"');
        } else {
            // Serializing a string into memory cannot fail.
            let json = serde_json::to_string(value).unwrap_or_default();
            self.0.push_str(&printable_ascii(&json));
        }
    }

    fn number(&mut self, name: &str, value: Option<u64>) {
        let Some(value) = value else { return };
        self.name(name);
        self.0.push_str(&value.to_string());
    }

    fn name(&mut self, name: &str) {
        self.0.push_str(if self.0.is_empty() { "{\"" } else { ",\"" });
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

impl SubjectNames {
    /// The subject as the log names it; 128 bits of a digest tell subjects apart.
    fn name<'a>(&self, issuer: &str, subject: &'a str) -> Cow<'a, str> {
        match self {
            Self::Plain => Cow::Borrowed(subject),
            Self::Hashed(keys) => {
                let mac = keys.mac(Purpose::AuditSubject, &[issuer, subject]);
                Cow::Owned(
                    BASE64_URL_SAFE_NO_PAD.encode(mac.first_chunk::<16>().unwrap_or(&[0; 16])),
                )
            }
        }
    }

    /// The actor as the log names it. The client is named anyway; another one may be a user.
    fn actor<'a>(&self, who: &Who<'a>) -> Option<Cow<'a, str>> {
        let actor = who.actor?;
        Some(match who.client == Some(actor) {
            true => Cow::Borrowed(actor),
            false => self.name(who.issuer, actor),
        })
    }
}

#[cfg(test)]
mod tests;
