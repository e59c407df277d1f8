//! The audit log: one line of JSON for every decision. See `docs/audit.md`.
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
use chrono::{DateTime, SecondsFormat};
use serde::Serialize;

use crate::{
    host::Host,
    keys::{Keys, Purpose},
    settings::Reader,
    trace::Trace,
    variables,
};

variables! {
    /// How the [audit log](audit.md) names subjects: `plain` or `hashed`
    AUDIT_SUBJECT = optional("audit_subject", "plain");
}

/// How a decision ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The caller was let in.
    Allowed,
    /// The caller was refused, and is at fault.
    Denied,
    /// The caller was refused because something failed here or at the tenant.
    Failed,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Failed => "failed",
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

/// Which form the operator chose, before the keys are known.
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

/// Whom a decision is about.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `sub`.
    pub subject: &'a str,
    /// The client; `None` for a person who came with a browser.
    pub client: Option<&'a str>,
}

/// One decision.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// Why.
    pub reason: &'a dyn Reason,
    /// Whom it is about, if that is known.
    pub who: Option<Who<'a>>,
    /// The tool it is about.
    pub tool: Option<&'a str>,
    /// The trace that the request is part of.
    pub trace: Option<&'a Trace>,
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

/// A line, with its members in the order in which they are written.
#[derive(Serialize)]
struct Line<'a> {
    time: &'a str,
    request_id: &'a str,
    outcome: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    latency_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
}

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

    /// Writes one decision.
    pub fn write(&self, host: &dyn Host, entry: &Entry<'_>) {
        let now = host.now_millis();
        let time = self.time_of(now);
        let line = Line {
            time: &time,
            request_id: &self.request_id,
            outcome: entry.reason.outcome().as_str(),
            reason: entry.reason.code(),
            issuer: entry.who.map(|who| who.issuer),
            subject: entry.who.map(|who| self.names.name(&who)),
            client: entry.who.and_then(|who| who.client),
            tool: entry.tool,
            latency_ms: now.saturating_sub(self.started_at),
            trace_id: entry.trace.map(Trace::id),
        };
        // Serializing these types into memory cannot fail.
        let line = serde_json::to_string(&line).unwrap_or_default();
        host.audit(&printable(&line));
    }

    fn time_of(&self, now: u64) -> Ref<'_, str> {
        if self.time.borrow().0 != now {
            let time = i64::try_from(now).ok().and_then(DateTime::from_timestamp_millis);
            let text = time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
            self.time.replace((now, text.unwrap_or_default()));
        }
        Ref::map(self.time.borrow(), |(_, text)| text.as_str())
    }
}

impl SubjectNames {
    /// 128 bits tell subjects apart.
    fn name<'a>(&self, who: &Who<'a>) -> Cow<'a, str> {
        match self {
            Self::Plain => Cow::Borrowed(who.subject),
            Self::Hashed(keys) => {
                let mac = keys.mac(Purpose::AuditSubject, &[who.issuer, who.subject]);
                Cow::Owned(
                    BASE64_URL_SAFE_NO_PAD.encode(mac.first_chunk::<16>().unwrap_or(&[0; 16])),
                )
            }
        }
    }
}

/// Escapes everything but printable ASCII in a line of JSON, which only strings can hold. A log
/// viewer may act on controls (C1, line separators) or on marks that turn the direction of text.
fn printable(line: &str) -> Cow<'_, str> {
    if line.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Cow::Borrowed(line);
    }
    let mut escaped = String::with_capacity(line.len().saturating_mul(2));
    for c in line.chars() {
        if matches!(c, ' '..='~') {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests;
