use http::HeaderValue;

use super::*;
use crate::testing::{FakeHost, finish};

const URL: &str = "https://api.example.com/x";

fn sent(method: Method, status: u16) -> (usize, u16) {
    let host = FakeHost::new();
    host.answers(&format!("{method} {URL}"), status, &Value::Null);
    let request = api_request(method, URL, None, None).unwrap();
    let outbound = Outbound { host: &host, trace: None, budget: &Budget::default() };
    let response = finish(outbound.send_with_retry(request, Limits::API)).unwrap();
    (host.sent.borrow().len(), response.status().as_u16())
}

#[test]
fn a_read_is_sent_again_if_a_gateway_did_not_reach_its_server() {
    for status in [502, 503, 504] {
        assert_eq!(sent(Method::GET, status), (2, status));
        assert_eq!(sent(Method::POST, status), (1, status), "a change is sent once");
    }
    for status in [200, 401, 404, 429, 500] {
        assert_eq!(sent(Method::GET, status), (1, status));
    }
}

#[test]
fn a_read_is_sent_again_if_the_connection_failed_and_not_after_a_timeout() {
    for (error, count) in
        [(HttpError::Unreachable, 2), (HttpError::TimedOut, 1), (HttpError::Broken, 1)]
    {
        let host = FakeHost::new();
        host.answers_with(&format!("GET {URL}"), Err(error));
        let request = api_request(Method::GET, URL, None, None).unwrap();
        let outbound = Outbound { host: &host, trace: None, budget: &Budget::default() };
        assert_eq!(finish(outbound.send_with_retry(request, Limits::API)).err(), Some(error));
        assert_eq!(host.sent.borrow().len(), count, "{error}");
    }
}

#[test]
fn requests_carry_on_the_trace() {
    let host = FakeHost::new();
    host.answers(&format!("GET {URL}"), 200, &Value::Null);
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = Trace::parse(parent, Some("a=1")).unwrap();
    for trace in [None, Some(&trace)] {
        let request = api_request(Method::GET, URL, None, None).unwrap();
        let outbound = Outbound { host: &host, trace, budget: &Budget::default() };
        finish(outbound.send(request, Limits::API)).unwrap();
    }
    let headers = host.headers.borrow();
    assert!(!headers[0].contains_key("traceparent"));
    assert!(headers[1]["traceparent"].to_str().unwrap().contains(trace.id()));
    assert_eq!(headers[1]["tracestate"], "a=1");
}

#[test]
fn an_api_request_has_a_bearer_token_and_a_body_where_there_are_some() {
    let token = Secret::from("t0ken");
    let request = api_request(Method::POST, URL, Some(&token), Some(&Value::Bool(true))).unwrap();
    assert_eq!(request.headers()["authorization"], "Bearer t0ken");
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(request.body(), "true");
    let request = api_request(Method::GET, URL, None, None).unwrap();
    assert!(!request.headers().contains_key("authorization"));
    assert!(!request.headers().contains_key("content-type"));
    assert!(api_request(Method::GET, "not a URL", None, None).is_err());
    assert!(api_request(Method::GET, URL, Some(&Secret::from("a\nb")), None).is_err());
}

#[test]
fn an_id_is_one_segment_whatever_is_in_it() {
    assert_eq!(path_segment("a/../b?c#d").as_deref(), Some("a%2F..%2Fb%3Fc%23d"));
    assert_eq!(path_segment("%2F").as_deref(), Some("%252F"));
    assert_eq!(path_segment("ä").as_deref(), Some("%C3%A4"));
    let url = path_segment("https://mcp.example.com/a%20b?c=ä");
    assert_eq!(url.as_deref(), Some("https%3A%2F%2Fmcp.example.com%2Fa%2520b%3Fc%3D%C3%A4"));
    for none in ["", ".", ".."] {
        assert_eq!(path_segment(none), None);
    }
}

#[test]
fn the_later_of_two_times_is_when_a_rate_limit_resets() {
    let limit = |headers: &[(&'static str, &'static str)]| {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), HeaderValue::from_static(value))
        });
        RateLimit::from_headers(&headers.collect(), 100_000)
    };
    assert_eq!(limit(&[]), RateLimit { remaining: None, resets_at: None });
    let both = limit(&[
        ("x-ratelimit-remaining", "3"),
        ("x-ratelimit-reset", "150"),
        ("retry-after", "7"),
    ]);
    assert_eq!(both, RateLimit { remaining: Some(3), resets_at: Some(150_000) });
    let later = limit(&[("x-ratelimit-reset", "101"), ("retry-after", "7")]);
    assert_eq!(later.resets_at, Some(107_000));
    let invalid = limit(&[("x-ratelimit-remaining", "-1"), ("retry-after", "soon")]);
    assert_eq!(invalid, RateLimit { remaining: None, resets_at: None });
}
