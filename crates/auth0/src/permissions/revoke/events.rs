//! What a request to revoke says: Auth0's log events, as a log stream sends them, or plainly who is
//! meant.
//!
//! A log stream sends a JSON array, an object, or objects on lines of their own. For an operation
//! of the Management API each is `{"log_id": …, "data": {"type": "sapi", "details": {"request":
//! {"method": "post", "path": "/api/v2/users/…/roles"}}}}`. Events of other types are ignored.

use doorward_core::strict_json;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::Revocation;

/// The most users of one revocation. More of them revoke everything.
const MAX_SUBJECTS: usize = 100;

impl Revocation {
    /// Parses a body; `None` if any part of it is not understood. A misspelled revocation must not
    /// count as done.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut revoked = Self::default();
        match strict_json::parse(body) {
            Ok(Value::Array(events)) => {
                events.iter().try_for_each(|event| revoked.add(event))?;
            }
            Ok(event) => revoked.add(&event)?,
            Err(_) => {
                let lines = std::str::from_utf8(body).ok()?.lines().map(str::trim);
                for line in lines.filter(|line| !line.is_empty()) {
                    revoked.add(&strict_json::parse(line.as_bytes()).ok()?)?;
                }
            }
        }
        if revoked.everything || revoked.subjects.len() > MAX_SUBJECTS {
            revoked = Self { everything: true, subjects: Vec::new() };
        }
        Some(revoked)
    }

    fn add(&mut self, event: &Value) -> Option<()> {
        if let Some(subject) = event.get("subject") {
            self.add_subject(subject.as_str()?);
            return Some(());
        }
        match event.get("everything") {
            None => {}
            Some(Value::Bool(true)) => {
                self.everything = true;
                return Some(());
            }
            Some(_) => return None,
        }
        let data = event.get("data").unwrap_or(event);
        if data.get("type")?.as_str()? == "sapi" {
            self.add_operation(data);
        }
        Some(())
    }

    /// Adds a completed operation of the Management API.
    fn add_operation(&mut self, data: &Value) {
        let request = data.get("details").and_then(|details| details.get("request"));
        let text = |name| request.and_then(|request| request.get(name)).and_then(Value::as_str);
        let Some(path) = text("path") else {
            // Without a path only the description may tell what was changed.
            let description = data.get("description").and_then(Value::as_str).unwrap_or_default();
            let description = description.to_ascii_lowercase();
            self.everything |= ["role", "permission", "scope", "resource server"]
                .iter()
                .any(|word| description.contains(word));
            return;
        };
        if text("method").is_some_and(|method| method.eq_ignore_ascii_case("get")) {
            return;
        }
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let Some((_, path)) = path.split_once("/api/v2/") else { return };
        let mut segments = path.split('/');
        match (segments.next().unwrap_or_default(), segments.next()) {
            ("users", Some(id)) if !id.is_empty() => match percent_decode_str(id).decode_utf8() {
                Ok(subject) => self.add_subject(&subject),
                Err(_) => self.everything = true,
            },
            // These do not say which users they are about, or not all of them.
            ("roles" | "resource-servers" | "organizations" | "groups", _) => {
                self.everything = true
            }
            _ => {}
        }
    }

    fn add_subject(&mut self, subject: &str) {
        if subject.is_empty() {
            self.everything = true;
        } else if !self.subjects.iter().any(|known| known == subject) {
            self.subjects.push(subject.to_owned());
        }
    }
}
