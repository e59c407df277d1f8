//! Progress of calls, callers who go away, and the ends of sessions.

use std::time::Duration;

use doorward_core::{host::within, web::AllowOrigin};
use http_body_util::BodyExt;

use super::*;

const ERAS: [Speaks; 3] = [Speaks::Modern, Speaks::Sessions, Speaks::Stateless];

fn call(meta: Value) -> (HeaderMap, Vec<u8>) {
    let params = json!({ "name": "w_forecast", "arguments": oslo(), "_meta": meta });
    modern_request("tools/call", params)
}

fn with_progress() -> (HeaderMap, Vec<u8>) {
    call(json!({ "progressToken": "mine" }))
}

/// The answer as it leaves: its whole body, or what is there when the client goes away after some
/// milliseconds.
fn body(door: &Door, (headers, body): (HeaderMap, Vec<u8>), patience: u64) -> Option<String> {
    let (registry, catalogs) = (&door.registry, &door.catalogs);
    let offer = Offer { info: &INFO, instructions: None, registry, catalogs };
    let answered = async {
        let answer = dispatch(&offer, door.request("tool:w_forecast"), &headers, body.into()).await;
        let body = answer.leave(&AllowOrigin::None).into_body();
        let read = within(&*door.host, Duration::from_millis(patience), body.collect()).await;
        read.map(|read| String::from_utf8(read.unwrap().to_bytes().to_vec()).unwrap())
    };
    door.host.clock.run(vec![Box::pin(answered) as PortFuture<'_, _>]).remove(0)
}

#[test]
fn progress_goes_to_the_stream_of_its_caller_under_the_callers_token() {
    for speaks in ERAS {
        let door = Door::new(speaks, json!({}), &[]);
        door.behind.reports.replace(vec![
            json!({ "progress": 1, "total": 2, "message": "Half\u{200b} way" }),
            json!({ "progress": 1.5, "progressToken": "mine" }),
            json!({ "progress": 1 }),
            json!({ "progress": 2 }),
        ]);
        let body = body(&door, with_progress(), 10_000).unwrap();
        let events = body.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
        let events: Vec<Value> = events.map(|event| read(event.as_bytes())).collect();
        let report = |params: Value| {
            let method = "notifications/progress";
            json!({ "jsonrpc": "2.0", "method": method, "params": params })
        };
        let first = json!({
            "message": "Half way", "progress": 1.0, "progressToken": "mine", "total": 2.0,
        });
        let second = json!({ "progress": 2.0, "progressToken": "mine" });
        assert_eq!(events[..2], [report(first), report(second)], "{speaks:?}: {body}");
        assert_eq!(events[2]["result"]["content"][0]["text"], "Sun");
        assert_eq!(events.len(), 3);
        let (_, sent) = door.behind.sent.borrow().last().cloned().unwrap();
        assert!(sent["params"]["_meta"]["progressToken"].is_u64(), "{sent}");
    }
}

#[test]
fn without_a_token_of_the_caller_nobody_is_asked_for_progress() {
    for speaks in ERAS {
        let door = Door::new(speaks, json!({}), &[]);
        door.behind.reports.replace(vec![json!({ "progress": 1, "progressToken": 7 })]);
        let answer = read(body(&door, call(json!({})), 10_000).unwrap().as_bytes());
        assert_eq!(answer["result"]["content"][0]["text"], "Sun", "{speaks:?}: {answer}");
        let (_, sent) = door.behind.sent.borrow().last().cloned().unwrap();
        assert_eq!(sent["params"]["_meta"].get("progressToken"), None);
    }
}

#[test]
fn no_report_has_what_is_attached() {
    let entry = json!({ "attach": { "header": "x-api-key" } });
    let secrets = [("upstream_secrets", r#"{"w":"k3y-7f3a91"}"#)];
    let door = Door::new(Speaks::Modern, entry, &secrets);
    door.behind.reports.replace(vec![json!({ "progress": 1, "message": "With k3y-7f3a91" })]);
    let body = body(&door, with_progress(), 10_000).unwrap();
    assert!(!body.contains("k3y-7f3a91") && !body.contains("notifications/progress"), "{body}");
    assert_eq!(door.last_reason(), "upstream_malformed", "the response has it as well");
}

#[test]
fn a_server_of_the_older_era_is_told_that_a_caller_has_gone_away_or_waited_too_long() {
    let own = json!({ "caller": ["subject"] });
    for (speaks, entry, end) in [
        (Speaks::Modern, json!({}), &[][..]),
        (Speaks::Sessions, json!({}), &["notifications/cancelled"]),
        (Speaks::Stateless, json!({}), &["notifications/cancelled"]),
        (Speaks::Sessions, own.clone(), &["notifications/cancelled", "DELETE"]),
        (Speaks::Stateless, own, &["notifications/cancelled"]),
    ] {
        for has_gone in [true, false] {
            let has_handshake = entry != json!({});
            let door = Door::new(speaks, entry.clone(), &[]);
            door.names("");
            door.tidy_up();
            door.behind.methods();
            match has_gone {
                true => {
                    // Each request takes a second, and the call comes after its handshake.
                    door.host.latency.set(1000);
                    let patience = if has_handshake { 2700 } else { 700 };
                    assert_eq!(body(&door, with_progress(), patience), None);
                    assert_eq!(door.last_reason(), "tool_canceled");
                    door.host.latency.set(5);
                }
                false => {
                    door.behind.fault.replace(Some(Err(HttpError::TimedOut)));
                    door.call(oslo());
                }
            }
            let (_, called) = door.behind.sent.take().pop().unwrap();
            assert_eq!(called["method"], "tools/call");
            door.tidy_up();
            let told = door.behind.sent.borrow().first().cloned();
            assert_eq!(door.behind.methods(), end, "{speaks:?} {has_gone}");
            if let Some((headers, told)) = told {
                assert_eq!(told["params"]["requestId"], called["id"]);
                assert_eq!(told.get("id"), None);
                assert_eq!(headers.contains_key("mcp-session-id"), speaks == Speaks::Sessions);
            }
            door.tidy_up();
            assert!(door.behind.methods().is_empty(), "it is told once");
        }
    }
}

#[test]
fn a_session_that_was_for_one_call_is_ended_after_it_and_one_that_is_shared_is_not() {
    let own = json!({ "caller": ["subject"] });
    for (speaks, entry, end) in [
        (Speaks::Sessions, own.clone(), &["DELETE"][..]),
        (Speaks::Stateless, own.clone(), &[]),
        (Speaks::Modern, own, &[]),
        (Speaks::Sessions, json!({}), &[]),
    ] {
        let door = Door::new(speaks, entry, &[]);
        for use_it in
            [&(|| drop(door.names(""))) as &dyn Fn(), &|| drop(door.call(oslo())), &|| {
                door.behind.fault.replace(Some(Err(HttpError::Unreachable)));
                door.call(oslo());
            }]
        {
            use_it();
            door.behind.methods();
            door.tidy_up();
            let sent = door.behind.sent.borrow().first().cloned();
            assert_eq!(door.behind.methods(), end, "{speaks:?}");
            if let Some((headers, _)) = sent {
                assert_eq!(headers["mcp-session-id"], "0");
                assert_eq!(headers["mcp-protocol-version"], "2025-06-18");
            }
        }
    }
}

#[test]
fn what_ends_a_session_has_the_credential_of_the_call_and_no_log_has_it() {
    let entry = json!({ "attach": { "connection": "weather" } });
    let door = Door::new(Speaks::Sessions, entry, &[]);
    door.call(oslo());
    assert!(!format!("{:?}", door.memory.cleanups).contains("exchanged"));
    door.behind.methods();
    door.tidy_up();
    let sent = door.behind.sent.take();
    assert!(!sent.is_empty());
    for (headers, message) in sent {
        assert_eq!(
            (&message["method"], &headers["authorization"]),
            (&json!("DELETE"), &"Bearer exchanged".parse().unwrap())
        );
    }
}
