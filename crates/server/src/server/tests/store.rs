//! How long a whole `tools/call` waits for a key-value store that never answers. Nothing else on
//! this host takes any time.

use doorward_core::{host::PortFuture, testing::SimulatedHost};

use super::*;

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"greet"}}"#;

/// An instance, and its tenant, whose API defines no permission.
struct Setting {
    host: Rc<SimulatedHost>,
    server: Server,
}

impl Setting {
    fn new(variables: &[(&str, &str)]) -> Self {
        let host = SimulatedHost::new(|request, _| {
            let document = match request.uri().path() {
                "/.well-known/openid-configuration" => json!({
                    "issuer": "https://tenant.example.com/",
                    "jwks_uri": "https://tenant.example.com/jwks.json",
                }),
                "/jwks.json" => json!({ "keys": [jwk("key")] }),
                "/oauth/token" => json!({ "access_token": "management", "expires_in": 86400 }),
                path if path.starts_with("/api/v2/resource-servers/") => {
                    json!({ "identifier": "https://mcp.example.com/mcp", "scopes": [] })
                }
                _ => json!({ "total": 0, "permissions": [] }),
            };
            let response = Response::builder().header("content-type", "application/json");
            Ok(response.body(Bytes::from(document.to_string())).unwrap())
        });
        host.latency.set(0);
        for (name, value) in variables {
            host.fake.set_variable(name, value);
        }
        Self { host: Rc::new(host), server: server() }
    }

    /// How long each of some calls at the same time waits, in milliseconds.
    fn waits(&self, calls: usize) -> Vec<u64> {
        let call = |_| -> PortFuture<'_, u64> {
            Box::pin(async {
                let request = Request::post("/mcp")
                    .header("authorization", format!("Bearer {}", good_token()))
                    .header("content-type", "application/json")
                    .header("mcp-protocol-version", "2025-11-25")
                    .body(Full::<Bytes>::from(CALL))
                    .unwrap();
                let started_at = self.host.clock.millis();
                let host = Rc::clone(&self.host) as Rc<dyn Host>;
                let response = self.server.serve(host, request).await;
                let body = response.into_body().collect().await.unwrap().to_bytes();
                let answer: Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(answer["result"]["content"][0]["text"], "Hello!", "{answer}");
                self.host.clock.millis() - started_at
            })
        };
        self.host.clock.run((0..calls).map(call).collect())
    }
}

#[test]
fn a_warm_call_does_not_need_the_store() {
    let setting = Setting::new(&[]);
    assert_eq!(setting.waits(1), [0]);
    setting.host.fake.store_fault.set(Some(FakeFault::Slow));
    let accesses = setting.host.fake.store_accesses.get();
    assert_eq!(setting.waits(3), [0; 3]);
    assert_eq!(setting.host.fake.store_accesses.get(), accesses);
}

#[test]
fn with_revocations_a_warm_call_waits_a_second_once_and_then_hardly_ever() {
    let setting = Setting::new(&[
        ("revocation_secret", "a-revocation-secret-of-32-letters"),
        ("revocation_fail_closed", "false"),
    ]);
    let (host, clock) = (&setting.host.fake, &setting.host.clock);
    assert_eq!(setting.waits(3), [0; 3]);
    host.store_fault.set(Some(FakeFault::Slow));
    assert_eq!(setting.waits(1), [1_000]);
    for _ in 0..9 {
        assert_eq!(setting.waits(3), [0; 3], "the store is left alone");
        clock.advance(1_000);
    }
    clock.advance(1_000);
    assert_eq!(setting.waits(3), [300, 0, 0], "one call probes it");
    host.store_fault.set(None);
    clock.advance(10_000);
    assert_eq!(setting.waits(3), [0; 3]);
    let sent = setting.host.sent.borrow().len();
    assert_eq!(setting.waits(3), [0; 3]);
    assert_eq!(setting.host.sent.borrow().len(), sent, "cached answers count again");
}

#[test]
fn a_cold_call_waits_a_second_for_the_store_and_no_longer() {
    let open = [
        ("revocation_secret", "a-revocation-secret-of-32-letters"),
        ("revocation_fail_closed", "false"),
    ];
    for variables in [&[][..], &open] {
        let setting = Setting::new(variables);
        setting.host.fake.store_fault.set(Some(FakeFault::Slow));
        assert_eq!(setting.waits(1), [1_000]);
        assert_eq!(setting.waits(3), [0; 3]);
    }
}

/// The requests that were sent after the first few, by their URL.
fn sent_since(setting: &Setting, before: usize) -> Vec<String> {
    let mut sent: Vec<_> =
        setting.host.sent.borrow()[before..].iter().map(|(_, request)| request.clone()).collect();
    sent.sort();
    sent
}

#[test]
fn a_new_secret_is_a_cold_cache_and_nothing_worse() {
    let setting = Setting::new(&[("revocation_secret", "a-revocation-secret-of-32-letters")]);
    let (host, clock) = (&setting.host.fake, &setting.host.clock);
    let another = || Setting { host: Rc::clone(&setting.host), server: server() };
    setting.waits(1);
    let cold = sent_since(&setting, 0);
    host.set_variable("auth0_client_secret", "another-secret-of-the-client-0123456789");
    let (before, lines) = (setting.host.sent.borrow().len(), host.lines.borrow().len());
    another().waits(3);
    assert_eq!(sent_since(&setting, before), cold, "everything is looked up once");
    let mut logged = host.lines.borrow()[lines..].to_vec();
    // The place of a record in buckets depends on the secret, and may be another one now.
    let is_in_buckets = |line: &str| line.contains("`verified`") || line.contains("`permissions`");
    logged.retain(|line| line.starts_with("key-value: ") && !is_in_buckets(line));
    for kind in ["issuer", "management"] {
        let text = format!("of the kind `{kind}` does not open");
        assert_eq!(logged.iter().filter(|line| line.contains(&text)).count(), 1, "{logged:?}");
    }
    assert_eq!(logged.len(), 2, "{logged:?}");
    // The records are written anew, under the new secret.
    let (before, lines) = (setting.host.sent.borrow().len(), host.lines.borrow().len());
    another().waits(1);
    // An instance that read its settings before goes on with what it has in memory, and a minute
    // later with the new secret.
    setting.waits(1);
    assert_eq!(sent_since(&setting, before), [""; 0]);
    clock.advance(61_000);
    another().waits(1);
    setting.waits(1);
    assert_eq!(host.lines.borrow()[lines..], [""; 0]);
}
