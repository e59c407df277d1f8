//! The audit log: one line of JSON for every decision about a request to the MCP endpoint or to revoke permissions, and
//! about a person who connects an account. See `docs/audit.md`.
//!
//! It says who was let in or kept out, and why, and nothing else: no token, no other claim, nothing of a body.

mod line;
mod reason;

use std::{
    borrow::Cow,
    cell::{Ref, RefCell},
    hash::{BuildHasher, RandomState},
};

use ::http::HeaderMap;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, SecondsFormat};
use sha2::{Digest, Sha256};

use self::line::Line;
pub use reason::Reason;

use crate::{config::Config, host::Host, oauth::Caller};

/// How the audit log names people and machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectForm {
    /// `sub` as it is.
    Plain,
    /// A digest that is the same for the same subject, and that nobody without the client secret can make or undo.
    Hashed,
}

/// The trace that a request is part of (W3C Trace Context).
#[derive(Clone, Debug)]
struct Trace {
    id: String,
    flags: String,
}

/// One request, as far as its decisions are written down.
#[derive(Debug)]
pub struct Audit {
    request_id: String,
    trace: RefCell<Option<Trace>>,
    started_at: u64,
    /// The last time that was written, in milliseconds and as text: most lines of a request have the same.
    time: RefCell<(u64, String)>,
}

/// Who a decision is about.
struct Who<'a> {
    issuer: &'a str,
    /// In the form in which it is shown.
    subject: Cow<'a, str>,
    client: Option<&'a str>,
}

impl Audit {
    /// A request that has just come in.
    #[must_use]
    pub fn begin(host: &dyn Host, headers: &HeaderMap) -> Self {
        let started_at = host.now_millis();
        let audit = Self {
            // Every `RandomState` differs from all others. The id tells requests apart, and is no secret.
            request_id: format!("{:016x}", RandomState::new().hash_one(started_at)),
            trace: RefCell::default(),
            started_at,
            time: RefCell::new((u64::MAX, String::new())),
        };
        if let Some(traceparent) = headers.get("traceparent").and_then(|it| it.to_str().ok()) {
            audit.continue_trace(traceparent);
        }
        audit
    }

    /// Takes the trace from a `traceparent` (W3C Trace Context). One that is malformed is none.
    pub fn continue_trace(&self, traceparent: &str) {
        if let Some(trace) = Trace::of(traceparent) {
            self.trace.replace(Some(trace));
        }
    }

    /// A `traceparent` for a request of ours, if this one is part of a trace.
    pub(crate) fn traceparent(&self, host: &dyn Host) -> Option<String> {
        let trace = self.trace.borrow();
        let Trace { id, flags } = trace.as_ref()?;
        let mut parent = [0; 8];
        host.fill(&mut parent);
        Some(format!("00-{id}-{:016x}-{flags}", u64::from_ne_bytes(parent)))
    }

    /// Writes down a decision about a request whose caller is not known.
    pub fn decided(&self, host: &dyn Host, reason: Reason) {
        self.write(host, reason, None, None);
    }

    /// Writes down a decision about a caller, and the tool it is about.
    pub fn decided_for(
        &self,
        host: &dyn Host,
        config: &Config,
        caller: &Caller,
        tool: Option<&str>,
        reason: Reason,
    ) {
        let (issuer, subject) = (caller.issuer(), caller.subject());
        let client = Some(caller.client_id());
        self.write(host, reason, Some(Who::new(config, issuer, subject, client)), tool);
    }

    /// Writes down a decision about a user of the tenant who came with a browser.
    pub fn decided_about(&self, host: &dyn Host, config: &Config, subject: &str, reason: Reason) {
        let who = Who::new(config, config.issuer.as_str(), subject, None);
        self.write(host, reason, Some(who), None);
    }

    fn write(&self, host: &dyn Host, reason: Reason, who: Option<Who<'_>>, tool: Option<&str>) {
        let now = host.now_millis();
        let trace = self.trace.borrow();
        let mut line = Line::new();
        line.text("time", &self.time_of(now));
        line.text("request_id", &self.request_id);
        line.text("outcome", reason.outcome());
        line.text("reason", reason.code());
        if let Some(Who { issuer, subject, client }) = &who {
            line.text("issuer", issuer);
            line.text("subject", subject);
            if let Some(client) = client {
                line.text("client", client);
            }
        }
        if let Some(tool) = tool {
            line.text("tool", tool);
        }
        line.number("latency_ms", now.saturating_sub(self.started_at));
        if let Some(trace) = &*trace {
            line.text("trace_id", &trace.id);
        }
        host.audit(&line.end());
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

impl<'a> Who<'a> {
    fn new(config: &Config, issuer: &'a str, subject: &'a str, client: Option<&'a str>) -> Self {
        let subject = match config.audit_subject {
            SubjectForm::Plain => Cow::Borrowed(subject),
            SubjectForm::Hashed => Cow::Owned(hashed(issuer, subject, config)),
        };
        Self { issuer, subject, client }
    }
}

/// 128 bits are enough to tell subjects apart, and cut short the digest cannot be carried on.
fn hashed(issuer: &str, subject: &str, config: &Config) -> String {
    let digest = Sha256::new()
        .chain_update(config.client.secret.expose())
        .chain_update([0])
        .chain_update(issuer)
        .chain_update([0])
        .chain_update(subject)
        .finalize();
    BASE64_URL_SAFE_NO_PAD.encode(digest.get(..16).unwrap_or_default())
}

impl Trace {
    /// Reads a `traceparent`. One of a later version may have more parts.
    fn of(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.trim().split('-');
        let (version, id, parent_id) = (parts.next()?, parts.next()?, parts.next()?);
        let flags = parts.next().unwrap_or_default();
        let is_hex = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_one = is_hex(version, 2)
            && version != "ff"
            && is_hex(id, 32)
            && is_hex(parent_id, 16)
            && id.bytes().any(|b| b != b'0');
        let flags = if is_hex(flags, 2) { flags } else { "00" };
        is_one.then(|| Self { id: id.to_owned(), flags: flags.to_owned() })
    }
}

#[cfg(test)]
mod tests;
