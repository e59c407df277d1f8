//! The trace that a request is part of (W3C Trace Context), which outbound requests continue.

use http::{HeaderMap, HeaderValue};

use crate::{host::Random, web::single_value};

/// The longest `tracestate` that is passed on, in bytes (Trace Context, section 3.3.1.5).
const MAX_STATE_BYTES: usize = 512;

/// A trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    id: String,
    flags: String,
    state: Option<HeaderValue>,
}

impl Trace {
    /// Reads the trace of a request from its headers; `None` without a valid `traceparent`.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let parent = single_value(headers, "traceparent").ok()??;
        // A list: several lines are one (section 3.3.1.1).
        let state = headers.get_all("tracestate").iter().map(HeaderValue::to_str);
        let state: Result<Vec<_>, _> = state.collect();
        Self::parse(parent, state.ok().map(|lines| lines.join(",")).as_deref())
    }

    /// Reads a `traceparent` and the `tracestate` beside it. A `traceparent` of a later version may
    /// have more parts; an invalid one is ignored.
    #[must_use]
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let mut parts = traceparent.trim().split('-');
        let (version, id, parent_id) = (parts.next()?, parts.next()?, parts.next()?);
        let flags = parts.next().unwrap_or_default();
        let is_hex = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_valid = is_hex(version, 2)
            && version != "ff"
            && is_hex(id, 32)
            && is_hex(parent_id, 16)
            && id.bytes().any(|b| b != b'0');
        let flags = if is_hex(flags, 2) { flags } else { "00" };
        let state = tracestate
            .filter(|state| !state.is_empty() && state.len() <= MAX_STATE_BYTES)
            .and_then(|state| HeaderValue::from_str(state).ok());
        is_valid.then(|| Self { id: id.to_owned(), flags: flags.to_owned(), state })
    }

    /// The trace id: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Continues the trace in an outbound request, under a new parent id.
    pub fn continue_in(&self, headers: &mut HeaderMap, random: &dyn Random) {
        let mut parent = [0; 8];
        random.fill(&mut parent);
        let parent = u64::from_ne_bytes(parent);
        let traceparent = format!("00-{}-{parent:016x}-{}", self.id, self.flags);
        if let Ok(value) = HeaderValue::try_from(traceparent) {
            headers.insert("traceparent", value);
        }
        if let Some(state) = &self.state {
            headers.insert("tracestate", state.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeHost;

    const ID: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn a_trace_is_continued_under_a_new_parent() {
        let parent = format!("00-{ID}-b7ad6b7169203331-01");
        let trace = Trace::parse(&parent, Some("vendor=1,other=2")).unwrap();
        assert_eq!(trace.id(), ID);
        let mut headers = HeaderMap::new();
        trace.continue_in(&mut headers, &FakeHost::new());
        let sent = headers["traceparent"].to_str().unwrap();
        assert!(sent.starts_with(&format!("00-{ID}-")) && sent.ends_with("-01"), "{sent}");
        assert_ne!(sent, parent);
        assert_eq!(headers["tracestate"], "vendor=1,other=2");
    }

    #[test]
    fn copies_of_a_traceparent_are_one_and_the_lines_of_a_tracestate_are_a_list() {
        let parent = format!("00-{ID}-b7ad6b7169203331-01");
        let other = format!("00-{ID}-00f067aa0ba902b7-01");
        let trace = |lines: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_str(value).unwrap());
            }
            Trace::from_headers(&headers)
        };
        let one = trace(&[("traceparent", &parent)]);
        assert!(one.is_some());
        assert_eq!(trace(&[("traceparent", &parent), ("traceparent", &parent)]), one);
        assert_eq!(trace(&[("traceparent", &format!("{parent}, {parent}"))]), one);
        assert_eq!(trace(&[("traceparent", &parent), ("traceparent", &other)]), None);
        let lines =
            trace(&[("traceparent", &parent), ("tracestate", "a=1"), ("tracestate", "b=2")]);
        assert_eq!(lines.unwrap().state.unwrap(), "a=1,b=2");
    }

    #[test]
    fn an_invalid_traceparent_is_ignored() {
        for bad in [
            String::new(),
            format!("ff-{ID}-b7ad6b7169203331-01"),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{}-b7ad6b7169203331-01", ID.to_uppercase()),
            format!("00-{ID}-b7ad-01"),
            format!("00-{ID}"),
        ] {
            assert_eq!(Trace::parse(&bad, None), None, "{bad}");
        }
    }

    #[test]
    fn flags_that_are_missing_or_invalid_count_as_not_sampled() {
        for flags in ["", "-", "-zz", "-0"] {
            let trace = Trace::parse(&format!("00-{ID}-b7ad6b7169203331{flags}"), None).unwrap();
            assert_eq!(trace.flags, "00");
        }
    }

    #[test]
    fn a_tracestate_that_no_header_can_carry_is_dropped() {
        let parent = format!("00-{ID}-b7ad6b7169203331-01");
        for bad in ["", "a\nb", &"x".repeat(513)] {
            assert_eq!(Trace::parse(&parent, Some(bad)).unwrap().state, None);
        }
    }
}
