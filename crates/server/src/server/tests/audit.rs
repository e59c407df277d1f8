//! What whole requests write into the audit log.

use super::*;
use crate::testing::{TRACE_ID, audited};

/// A host on which every tool is public.
fn host_with_tenant() -> Rc<FakeHost> {
    let host = host();
    let token = json!({ "access_token": "management", "expires_in": 86400 });
    host.answers("POST https://tenant.example.com/oauth/token", 200, &token);
    let api = json!({ "identifier": "https://mcp.example.com/mcp", "scopes": [] });
    host.answers("GET https://tenant.example.com/api/v2/resource-servers/", 200, &api);
    let none = json!({ "total": 0, "permissions": [] });
    host.answers("GET https://tenant.example.com/api/v2/users/", 200, &none);
    host
}

fn call(headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let params = json!({ "name": "greet" });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    ping(headers).map(|_| Full::from(body.to_string()))
}

#[test]
fn a_call_is_three_lines_with_one_id_and_no_two_requests_share_one() {
    let (host, server) = (host_with_tenant(), server());
    for _ in 0..2 {
        let (_, body) = one(serve(&server, &host, call(&[])));
        assert_eq!(body["result"]["isError"], false, "{body}");
    }
    let lines = audited(&host);
    let reasons: Vec<&Value> = lines.iter().map(|line| &line["reason"]).collect();
    assert_eq!(reasons, ["admitted", "tool_allowed", "tool_succeeded",].repeat(2));
    for line in &lines {
        let is_end = line["reason"] == "tool_succeeded";
        assert_eq!(line["outcome"], if is_end { "succeeded" } else { "allowed" });
        assert_eq!(line["issuer"], "https://tenant.example.com/");
        assert_eq!((&line["subject"], &line["client"]), (&json!("auth0|1"), &json!("client")));
        assert!(line.get("trace_id").is_none(), "{line}");
    }
    assert_eq!((lines[0].get("tool"), &lines[1]["tool"]), (None, &json!("greet")));
    let ids: Vec<&Value> = lines.iter().map(|line| &line["request_id"]).collect();
    assert!(
        ids[0] == ids[1] && ids[1] == ids[2] && ids[3] == ids[5] && ids[0] != ids[3],
        "{ids:?}"
    );
}

#[test]
fn a_caller_who_was_not_proved_is_not_named() {
    let (host, server) = (host(), server());
    let mut claims = good_claims();
    claims["aud"] = json!("https://other.example.com/");
    one(serve(&server, &host, ping_with(&token(&good_header(), &claims), &[])));
    one(serve(&server, &host, ping(&[("host", "evil.example.com")])));
    one(serve(&server, &host, ping(&[("origin", "https://evil.example.com")])));
    let lines = audited(&host);
    let reasons: Vec<&Value> = lines.iter().map(|line| &line["reason"]).collect();
    assert_eq!(reasons, ["token_audience_wrong", "host_not_allowed", "origin_not_allowed"]);
    for line in lines {
        assert_eq!(line["outcome"], "denied");
        for absent in ["issuer", "subject", "client", "tool", "trace_id"] {
            assert!(line.get(absent).is_none(), "{absent}");
        }
    }
}

#[test]
fn a_hashed_subject_depends_on_the_secret_of_the_server() {
    let subject = |secret: &str| {
        let (host, server) = (host(), server());
        host.set_variable("audit_subject", "hashed");
        host.set_variable("auth0_client_secret", &secret.repeat(32));
        assert_eq!(one(serve(&server, &host, ping(&[]))).0, 200);
        audited(&host).remove(0)["subject"].as_str().unwrap().to_owned()
    };
    let hashed = subject("one");
    assert_eq!((hashed.len(), subject("one") == hashed), (22, true));
    assert_ne!(hashed, subject("another"));
}

#[test]
fn the_trace_of_the_headers_reaches_every_line_and_every_request() {
    let parent = format!("00-{TRACE_ID}-b7ad6b7169203331-01");
    let trace = [("traceparent", parent.as_str()), ("tracestate", "vendor=1")];
    let (host, server) = (host_with_tenant(), server());
    one(serve(&server, &host, call(&trace)));
    one(serve(&server, &host, ping_with("a.b.c", &trace)));
    let lines = audited(&host);
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|line| line["trace_id"] == TRACE_ID), "{lines:?}");
    let headers = host.headers.borrow();
    assert_eq!(headers.len(), 5, "{:?}", host.sent);
    for headers in headers.iter() {
        let sent = headers["traceparent"].to_str().unwrap();
        assert!(sent.contains(TRACE_ID) && sent.ends_with("-01") && sent != parent, "{sent}");
        assert_eq!(headers["tracestate"], "vendor=1");
    }
}

#[test]
fn a_malformed_trace_is_ignored() {
    let (host, server) = (host(), server());
    for bad in ["", "00", "00-\"}{injected-b7ad6b7169203331-01"] {
        let trace = [("traceparent", bad), ("tracestate", "vendor=1")];
        assert_eq!(one(serve(&server, &host, ping(&trace))).0, 200);
    }
    assert!(audited(&host).iter().all(|line| line.get("trace_id").is_none()));
    let is_traced = |headers: &http::HeaderMap| {
        headers.contains_key("traceparent") || headers.contains_key("tracestate")
    };
    assert!(!host.headers.borrow().iter().any(is_traced));
}
