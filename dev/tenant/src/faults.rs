//! Faults that a test orders: what goes wrong, where, and how often.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::endpoint::Endpoint;

/// Something that goes wrong with an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    #[serde(default)]
    pub what: What,
    /// Milliseconds before anything is answered.
    #[serde(default)]
    pub delay_ms: u64,
    /// So many calls go well before it begins.
    #[serde(default)]
    pub skip: u32,
    /// It ends after so many calls; absent: when it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
}

/// What goes wrong. Where the real answer is spoilt, the call has had its effect.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// Nothing but the delay.
    #[default]
    Nothing,
    /// This answer instead of the real one.
    Answer {
        /// The status.
        status: u16,
        /// The body.
        #[serde(default)]
        body: String,
        /// Headers; `content-type: application/json` unless given.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// A page of HTML with this status.
    Html {
        /// The status.
        status: u16,
    },
    /// 200 and the right content type, with a body that is not JSON.
    Malformed,
    /// The real answer, cut off in the middle of its body: the connection breaks.
    Truncated,
    /// The real answer, padded inside its JSON to this many bytes.
    Oversized {
        /// The length of the body.
        bytes: usize,
    },
    /// A redirect to this URL.
    Redirect {
        /// The `Location`.
        location: String,
    },
    /// The real answer with another content type.
    ContentType {
        /// The content type.
        value: String,
    },
    /// The connection ends without an answer.
    Close,
}

/// The faults in force.
#[derive(Default)]
pub(crate) struct Faults(BTreeMap<Endpoint, VecDeque<Fault>>);

impl Fault {
    /// A fault that lasts until it is cleared.
    #[must_use]
    pub fn new(what: What) -> Self {
        Self { what, delay_ms: 0, skip: 0, times: None }
    }

    /// Nothing but a delay.
    #[must_use]
    pub fn delay(delay: Duration) -> Self {
        Self::new(What::Nothing).after(delay)
    }

    /// This JSON instead of the real answer.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string())
    }

    /// This body, said to be JSON, instead of the real answer.
    #[must_use]
    pub fn text(status: u16, body: &str) -> Self {
        Self::new(What::Answer { status, body: body.to_owned(), headers: BTreeMap::new() })
    }

    /// An error as the Authentication API gives it.
    #[must_use]
    pub fn oauth(status: u16, error: &str, description: &str) -> Self {
        Self::json(status, &json!({"error": error, "error_description": description}))
    }

    /// An error as the Management API gives it.
    #[must_use]
    pub fn management(status: u16, error_code: &str, message: &str) -> Self {
        Self::json(status, &crate::management::error_body(status, error_code, message))
    }

    /// An error as Google gives it. `reason` is `authError`, `insufficientPermissions`, `rateLimitExceeded`,
    /// `userRateLimitExceeded`, `quotaExceeded`, `accessNotConfigured`, `notFound` or `backendError`.
    #[must_use]
    pub fn google(status: u16, reason: &str) -> Self {
        Self::json(status, &crate::google::error_body(status, reason))
    }

    /// The connection ends without an answer.
    #[must_use]
    pub fn close() -> Self {
        Self::new(What::Close)
    }

    /// With a header, where the answer is made up.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let What::Answer { headers, .. } = &mut self.what {
            headers.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// Only after this long.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Only for so many calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Only after so many calls that go well.
    #[must_use]
    pub fn skip(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }
}

impl Faults {
    /// Adds a fault behind those that the endpoint has already.
    pub(crate) fn add(&mut self, endpoint: Endpoint, fault: Fault) {
        self.0.entry(endpoint).or_default().push_back(fault);
    }

    /// Ends the faults of one endpoint, or all.
    pub(crate) fn clear(&mut self, endpoint: Option<Endpoint>) {
        match endpoint {
            Some(endpoint) => drop(self.0.remove(&endpoint)),
            None => self.0.clear(),
        }
    }

    /// What is in force.
    pub(crate) fn list(&self) -> &BTreeMap<Endpoint, VecDeque<Fault>> {
        &self.0
    }

    /// The fault of the call that comes in now.
    pub(crate) fn take(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let queue = self.0.get_mut(&endpoint)?;
        let fault = queue.front_mut()?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        let taken = fault.clone();
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                queue.pop_front();
            }
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_follow_one_another_and_end() {
        let mut faults = Faults::default();
        faults.add(Endpoint::Jwks, Fault::text(500, "").times(2).skip(1));
        faults.add(Endpoint::Jwks, Fault::close().times(1));
        let kinds: Vec<bool> = (0..5).map(|_| faults.take(Endpoint::Jwks).is_some()).collect();
        assert_eq!(kinds, [false, true, true, true, false]);
        assert!(faults.take(Endpoint::Discovery).is_none());
    }
}
