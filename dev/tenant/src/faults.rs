//! Fault injection: what fails, at which endpoint, and how often.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::endpoint::Endpoint;

/// A fault of an endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The kind of fault.
    #[serde(default)]
    pub what: What,
    /// Delay before the response, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// Number of calls that stay unaffected before the fault starts.
    #[serde(default)]
    pub skip: u32,
    /// Number of calls that are affected; without it, the fault lasts until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
}

/// A kind of fault. Kinds that change the real response let the call take effect; the others do
/// not.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// Only the delay.
    #[default]
    Nothing,
    /// Replaces the response.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The body.
        #[serde(default)]
        body: String,
        /// The headers; `content-type` defaults to `application/json`.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// Replaces the response with an HTML page.
    Html {
        /// The HTTP status.
        status: u16,
    },
    /// Replaces the response with status 200, a JSON content type and a body that is not JSON.
    Malformed,
    /// Closes the connection in the middle of the real response's body.
    Truncated,
    /// Pads the JSON of the real response to this length.
    Oversized {
        /// The length of the body, in bytes.
        bytes: usize,
    },
    /// Replaces the response with a redirect.
    Redirect {
        /// The `Location` header.
        location: String,
    },
    /// Changes the content type of the real response.
    ContentType {
        /// The content type.
        value: String,
    },
    /// Closes the connection without a response.
    Close,
}

/// The active faults: a queue for each endpoint.
#[derive(Default)]
pub(crate) struct Faults(BTreeMap<Endpoint, VecDeque<Fault>>);

impl Fault {
    /// A fault that lasts until it is cleared.
    #[must_use]
    pub fn new(what: What) -> Self {
        Self { what, delay_ms: 0, skip: 0, times: None }
    }

    /// A delay without any other fault.
    #[must_use]
    pub fn delay(delay: Duration) -> Self {
        Self::new(What::Nothing).after(delay)
    }

    /// Replaces the response with this JSON.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string())
    }

    /// Replaces the response with this body, whose content type is JSON.
    #[must_use]
    pub fn text(status: u16, body: &str) -> Self {
        Self::new(What::Answer { status, body: body.to_owned(), headers: BTreeMap::new() })
    }

    /// Replaces the response with an error of the Authentication API.
    #[must_use]
    pub fn oauth(status: u16, error: &str, description: &str) -> Self {
        Self::json(status, &json!({"error": error, "error_description": description}))
    }

    /// Replaces the response with an error of the Management API.
    #[must_use]
    pub fn management(status: u16, error_code: &str, message: &str) -> Self {
        Self::json(status, &crate::management::error_body(status, error_code, message))
    }

    /// Replaces the response with an error of a Google API. `reason` is `authError`,
    /// `insufficientPermissions`, `rateLimitExceeded`, `userRateLimitExceeded`, `quotaExceeded`,
    /// `accessNotConfigured`, `notFound` or `backendError`.
    #[must_use]
    pub fn google(status: u16, reason: &str) -> Self {
        Self::json(status, &crate::google::error_body(status, reason))
    }

    /// Closes the connection without a response.
    #[must_use]
    pub fn close() -> Self {
        Self::new(What::Close)
    }

    /// Adds a header. Only [`What::Answer`] has headers; other kinds stay unchanged.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let What::Answer { headers, .. } = &mut self.what {
            headers.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// Sets the delay before the response.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Ends the fault after it has affected this many calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Leaves this many calls unaffected before the fault starts.
    #[must_use]
    pub fn skip(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }
}

impl Faults {
    /// Appends a fault to the queue of the endpoint.
    pub(crate) fn add(&mut self, endpoint: Endpoint, fault: Fault) {
        self.0.entry(endpoint).or_default().push_back(fault);
    }

    /// Clears the faults of one endpoint, or all faults.
    pub(crate) fn clear(&mut self, endpoint: Option<Endpoint>) {
        match endpoint {
            Some(endpoint) => drop(self.0.remove(&endpoint)),
            None => self.0.clear(),
        }
    }

    /// The active faults.
    pub(crate) fn list(&self) -> &BTreeMap<Endpoint, VecDeque<Fault>> {
        &self.0
    }

    /// Takes the fault for the next call, if there is one.
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
