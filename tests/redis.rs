//! Two `spin up` processes that share one Redis, as replicas behind a load balancer do, and what
//! holds on both.
//!
//! The tests run one after another, because the last one stops Redis. Without Spin or redis-server
//! they are listed as ignored; with `DOORWARD_REQUIRE_SPIN=1` they fail.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    env, fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_dev::{HostChoice, Log, Server, Stack, StackOptions, Wasi};
use doorward_tenant::{Endpoint, Group};
use libtest_mimic::{Arguments, Trial};
use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer},
    elliptic_curve::Generate,
};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{runtime::Runtime, sync::OnceCell};

const SECRET: &str = "a-revocation-secret-of-32-letters";
const NEXT_SECRET: &str = "the-next-revocation-secret-of-32-letters";
const CLIENT: &str = "doorward-test";
const OWNER: &str = "owner@example.com";
const QUIET: &str = "quiet@example.com";
const GUEST: &str = "guest@example.com";

/// How long one request may take while Redis is gone.
const ANSWER: Duration = Duration::from_secs(60);

type Test = (&'static str, for<'a> fn(&'a World) -> Step<'a>);
type Step<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

const TESTS: [Test; 5] = [
    ("keys_and_permissions_that_one_has_fetched_serve_the_other", |world| {
        Box::pin(keys_and_permissions_that_one_has_fetched_serve_the_other(world))
    }),
    ("a_cut_off_at_one_holds_at_the_other_at_once", |world| {
        Box::pin(a_cut_off_at_one_holds_at_the_other_at_once(world))
    }),
    ("a_server_with_the_next_revocation_secret_knows_the_same_and_refuses_nobody_else", |world| {
        Box::pin(a_server_with_the_next_revocation_secret_knows_the_same_and_refuses_nobody_else(
            world,
        ))
    }),
    ("a_proof_that_one_has_seen_is_refused_by_the_other", |world| {
        Box::pin(a_proof_that_one_has_seen_is_refused_by_the_other(world))
    }),
    ("without_redis_nobody_gets_in_and_a_restart_with_it_knows_what_was_cut_off", |world| {
        Box::pin(without_redis_nobody_gets_in_and_a_restart_with_it_knows_what_was_cut_off(world))
    }),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let runtime = Arc::new(Runtime::new().expect("a Tokio runtime starts"));
    let world: Arc<OnceCell<World>> = Arc::default();
    let missing = runtime.block_on(missing());
    let trials = TESTS.into_iter().map(|(name, test)| {
        let (runtime, world, missing) = (Arc::clone(&runtime), Arc::clone(&world), missing.clone());
        let name = missing.as_ref().map_or_else(|| name.to_owned(), |it| format!("{name} ({it})"));
        let is_ignored =
            missing.is_some() && env::var("DOORWARD_REQUIRE_SPIN").as_deref() != Ok("1");
        Trial::test(name, move || {
            if let Some(missing) = missing {
                return Err(missing.into());
            }
            runtime.block_on(async { test(world.get_or_init(World::start).await).await });
            Ok(())
        })
        .with_ignored_flag(is_ignored)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// What this machine lacks.
async fn missing() -> Option<String> {
    if let Err(error) = HostChoice::Spin.resolve(Wasi::V0_3).await {
        return Some(error.to_string());
    }
    let redis = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
    redis.is_err().then(|| "redis-server is not on PATH".to_owned())
}

/// A Redis that writes each change to the disk before it answers.
struct Redis {
    process: Child,
    listen: SocketAddr,
    folder: PathBuf,
}

impl Redis {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
        let listen = listener.local_addr().expect("it has an address");
        drop(listener);
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("redis-{}", listen.port()));
        fs::create_dir_all(&folder).expect("there is a folder for temporary files");
        Self { process: Self::spawn(listen, &folder), listen, folder }
    }

    fn spawn(listen: SocketAddr, folder: &Path) -> Child {
        let port = listen.port().to_string();
        let mut process = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
            .arg(folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server starts");
        for _ in 0..500 {
            if TcpStream::connect(listen).is_ok() {
                return process;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = process.kill();
        let _ = process.wait();
        panic!("redis-server does not listen");
    }

    fn kill(&mut self) {
        self.process.kill().expect("redis-server is killed");
        self.process.wait().expect("redis-server ends");
    }

    fn start_again(&mut self) {
        self.process = Self::spawn(self.listen, &self.folder);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A tenant, and two servers that are the same one to their clients.
struct World {
    // Stopped before Redis is.
    other: Server,
    stack: Stack,
    client: Client,
    redis: std::sync::Mutex<Redis>,
}

impl World {
    async fn start() -> Self {
        let redis = Redis::start();
        let config = redis.folder.join("runtime.toml");
        let url = format!("redis://{}/0", redis.listen);
        let text = format!("[key_value_store.default]\ntype = \"redis\"\nurl = \"{url}\"\n");
        fs::write(&config, text).expect("the runtime configuration is written");
        let variables = [("revocation_secret", SECRET), ("permission_cache_seconds", "3600")];
        let variables =
            variables.map(|(name, value)| (name.to_owned(), Some(value.to_owned()))).into();
        let options = StackOptions {
            host: HostChoice::Spin,
            variables,
            runtime_config: Some(config),
            log: Log::Capture,
            ..StackOptions::default()
        };
        let stack = Stack::start(options).await.expect("tenant and server start");
        let other = stack.another_server().await.expect("another server starts");
        let client = Client::builder().timeout(ANSWER).build().expect("a client can be built");
        Self { stack, other, client, redis: redis.into() }
    }

    fn servers(&self) -> [&str; 2] {
        [self.stack.server_url(), self.other.url()]
    }

    fn token(&self, person: &str) -> String {
        let scopes = ["tool:whoami", "tool:greet", "tool:calendar_summary"];
        self.stack.tenant().mint_for(person, CLIENT, &scopes).expect("the seed has this person")
    }

    /// The status and the body of the answer to a call of `greet`.
    async fn greet(&self, server: &str, token: &str, proof: Option<&str>) -> (StatusCode, Value) {
        let params = json!({ "name": "greet", "arguments": {} });
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let mut request = self.client.post(format!("{server}/mcp")).json(&call);
        request = match proof {
            None => request.bearer_auth(token),
            Some(proof) => {
                request.header("authorization", format!("DPoP {token}")).header("dpop", proof)
            }
        };
        let answer = request.send().await.expect("the server answers");
        (answer.status(), answer.json().await.expect("the answer is JSON"))
    }

    async fn is_admitted(&self, server: &str, token: &str) -> bool {
        let (status, answer) = self.greet(server, token, None).await;
        status == StatusCode::OK && answer["result"]["isError"] == json!(false)
    }

    async fn cut_off(&self, server: &str, subject: &str) {
        self.cut_off_with(SECRET, server, subject).await;
    }

    async fn cut_off_with(&self, secret: &str, server: &str, subject: &str) {
        let body = json!({ "cut_off": { "subject": subject } });
        let request = self.client.post(format!("{server}/revoke")).bearer_auth(secret).json(&body);
        let answer = request.send().await.expect("the server answers");
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

async fn keys_and_permissions_that_one_has_fetched_serve_the_other(world: &World) {
    let [one, other] = world.servers();
    let control = world.stack.tenant().control();
    let requests = || {
        let keys = [Endpoint::Discovery, Endpoint::Jwks, Endpoint::TokenClientCredentials];
        let keys: u64 = keys.into_iter().map(|endpoint| control.calls(endpoint)).sum();
        keys + control.group_calls(Group::Management)
    };
    assert!(world.is_admitted(one, &world.token(OWNER)).await);
    let asked = requests();
    assert!(asked >= 4, "{asked}");
    for _ in 0..3 {
        assert!(world.is_admitted(other, &world.token(OWNER)).await);
    }
    assert_eq!(requests(), asked, "the tenant is not asked again");
}

async fn a_cut_off_at_one_holds_at_the_other_at_once(world: &World) {
    let (token, bystander) = (world.token(QUIET), world.token(OWNER));
    for server in world.servers() {
        assert!(world.is_admitted(server, &token).await);
    }
    let [one, other] = world.servers();
    world.cut_off(one, "auth0|quiet").await;
    for server in [other, one] {
        let (status, answer) = world.greet(server, &token, None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");
        assert_eq!(answer["error"]["data"]["error"], "invalid_token", "{answer}");
        assert!(world.is_admitted(server, &bystander).await);
    }
}

/// As during a rollout, before the old servers are gone.
async fn a_server_with_the_next_revocation_secret_knows_the_same_and_refuses_nobody_else(
    world: &World,
) {
    let secrets = [("revocation_secret", NEXT_SECRET), ("revocation_secret_previous", SECRET)];
    let next = world.stack.another_server_with(&secrets).await.expect("another server starts");
    let [one, other] = world.servers();
    let (bystander, quiet, guest) = (world.token(OWNER), world.token(QUIET), world.token(GUEST));
    world.cut_off(one, "auth0|quiet").await;
    world.cut_off_with(NEXT_SECRET, next.url(), "auth0|guest").await;
    for server in [one, next.url(), other, next.url(), one] {
        assert!(world.is_admitted(server, &bystander).await, "{server}");
        for token in [&quiet, &guest] {
            let (status, answer) = world.greet(server, token, None).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{server}: {answer}");
        }
    }
}

async fn a_proof_that_one_has_seen_is_refused_by_the_other(world: &World) {
    let servers = world.servers();
    for [first, second] in [servers, [servers[1], servers[0]]] {
        let (token, proof) = bound_token(world);
        let (status, answer) = world.greet(first, &token, Some(&proof)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        for server in [second, first] {
            let (status, answer) = world.greet(server, &token, Some(&proof)).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");
            let text = answer["error"]["message"].as_str().unwrap_or_default();
            assert!(text.contains("The DPoP proof was used before."), "{answer}");
        }
    }
}

async fn without_redis_nobody_gets_in_and_a_restart_with_it_knows_what_was_cut_off(world: &World) {
    let (token, guest) = (world.token(OWNER), world.token(GUEST));
    world.cut_off(world.servers()[1], "auth0|guest").await;
    let (bound, proof) = bound_token(world);
    world.redis.lock().expect("no test panicked").kill();
    for server in world.servers() {
        // It is not known whether access was cut off, nor whether the proof was used before.
        for (token, proof) in [(&token, None), (&guest, None), (&bound, Some(proof.as_str()))] {
            let (status, answer) = world.greet(server, token, proof).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
        }
        let health = world.client.get(format!("{server}/health")).send().await;
        assert_eq!(health.expect("the server answers").status(), StatusCode::OK);
    }
    world.redis.lock().expect("no test panicked").start_again();
    // Spin's client does not find a Redis again that was away for longer than a few seconds.
    let restarted = world.stack.another_server().await.expect("a server starts again");
    assert!(world.is_admitted(restarted.url(), &token).await);
    let (status, answer) = world.greet(restarted.url(), &guest, None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "the cut-off is still known: {answer}");
}

/// A token of the owner that is bound to a new key, and a proof of that key.
fn bound_token(world: &World) -> (String, String) {
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let key = SigningKey::generate_from_rng(&mut rand::rng());
    let point = key.verifying_key().to_sec1_point(false);
    let [x, y] = [point.x(), point.y()].map(|it| encode(it.expect("it is not compressed")));
    let thumbprint = Sha256::digest(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#));
    let tenant = world.stack.tenant();
    let claims = tenant.control().claims_for(OWNER, CLIENT, &["tool:greet"]);
    let mut claims = claims.expect("the seed has this person");
    claims["cnf"] = json!({ "jkt": encode(&thumbprint) });
    let token = tenant.mint(&json!({}), &claims);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970");
    let proof = json!({
        "jti": format!("{:032x}", rand::random::<u128>()),
        "htm": "POST",
        "htu": world.stack.mcp_url(),
        "iat": now.as_secs(),
        "ath": encode(&Sha256::digest(&token)),
    });
    let [header, proof] = [header, proof].map(|it| encode(it.to_string().as_bytes()));
    let signed = format!("{header}.{proof}");
    let signature: Signature = key.sign(signed.as_bytes());
    (token, format!("{signed}.{}", encode(&signature.to_bytes())))
}
