//! Replaces secrets in a local tenant.

use super::*;
use doorward_tenant::{Client, Endpoint, Fault, Options, Seed, Tenant};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const OLD: &str = "a-revocation-secret-that-was-there-before";

struct World {
    tenant: Tenant,
    folder: TempDir,
    management: Management,
}

impl World {
    async fn new() -> Self {
        let listen = "127.0.0.1:0".parse().expect("an address");
        let seed = Seed::load_default("https://mcp.example.com/mcp");
        let tenant = Tenant::start(Options { listen, seed }).await.expect("the tenant starts");
        let stream = json!({
            "id": "lst_old", "name": "Doorward", "type": "http", "status": "active",
            "sink": {
                "httpEndpoint": "https://mcp.example.com/revoke",
                "httpAuthorization": format!("Bearer {OLD}"),
            },
            "filters": [{"type": "category", "name": "user.success"}],
        });
        tenant.control().edit(|directory| directory.log_streams.push(stream));
        let (http, origin) = (Http::new().expect("a client"), tenant.origin());
        let form = format!(
            "grant_type=client_credentials&client_id=local-api-explorer&audience={origin}/api/v2/\
             &client_secret=local-only-secret-that-everybody-knows"
        );
        let request = Request::post(format!("{origin}/oauth/token"))
            .header("content-type", "application/x-www-form-urlencoded");
        let response = http.send(request, form).await.expect("an answer").json().expect("JSON");
        let token = response["access_token"].as_str().expect("a token").to_owned();
        let management = Management::with_token(http, origin, token);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = Self { tenant, folder, management };
        let mut env = world.env();
        env.set("auth0_client_id", "doorward");
        env.set("public_url", "https://mcp.example.com");
        env.set("revocation_secret", OLD);
        env.write().expect("it is written");
        world
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(".env")
    }

    fn env(&self) -> EnvFile {
        EnvFile::open(&self.path()).expect("it is the set-up's")
    }

    fn variable(&self, name: &str) -> String {
        self.env().get(name).unwrap_or_default().to_owned()
    }

    /// Without a server that could be told anything.
    async fn rotate(&self, kind: cli::RotateKind, finish: bool) -> Result<(), Error> {
        self.rotate_at("http://127.0.0.1:1", kind, finish).await
    }

    async fn rotate_at(
        &self,
        server: &str,
        kind: cli::RotateKind,
        finish: bool,
    ) -> Result<(), Error> {
        let access = cli::Access { token_stdin: true, auth0_cli: None };
        let options = cli::Rotate { kind, finish, env_file: self.path(), access };
        rotate(&options, self.env(), &self.management, server).await
    }

    /// The secrets that log streams send.
    fn sent(&self) -> Vec<String> {
        let streams = self.tenant.control().directory().log_streams;
        let sent = streams.iter().map(|stream| &stream["sink"]["httpAuthorization"]);
        sent.filter_map(|one| one.as_str()?.strip_prefix("Bearer ").map(str::to_owned)).collect()
    }

    fn client(&self) -> Client {
        let clients = self.tenant.control().directory().clients;
        clients.into_iter().find(|one| one.client_id == "doorward").expect("it exists")
    }
}

/// A server that accepts one secret, and what it was told to do.
#[derive(Clone, Default)]
struct Server {
    origin: String,
    secret: Arc<Mutex<String>>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { origin, ..Self::default() };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                serving.serve(&mut connection).await;
            }
        });
        server
    }

    async fn serve(&self, connection: &mut TcpStream) {
        let (mut request, mut part) = (String::new(), [0; 4096]);
        while !request.ends_with('}') {
            let length = connection.read(&mut part).await.expect("a request");
            request.push_str(&String::from_utf8_lossy(&part[..length]));
        }
        let secret = self.secret.lock().expect("a lock").clone();
        let status = match request.contains(&format!("Bearer {secret}\r\n")) {
            true => "200 OK",
            false => "401 Unauthorized",
        };
        if status == "200 OK" {
            let body = request.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
            self.told.lock().expect("a lock").push(body);
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        connection.write_all(answer.as_bytes()).await.expect("an answer");
    }
}

#[tokio::test]
async fn events_are_sent_with_the_old_and_the_new_secret_until_the_rotation_is_finished() {
    let world = World::new().await;
    let server = Server::start().await;
    let kind = cli::RotateKind::RevocationSecret;
    world.rotate(kind, true).await.expect("the only stream has the secret");
    assert_eq!(world.sent(), [OLD]);
    world.rotate(kind, false).await.expect("it is replaced");
    let new = world.variable("revocation_secret");
    assert_ne!(new, OLD);
    assert_eq!(world.variable("revocation_secret_previous"), OLD, "records open under it");
    assert_eq!(world.sent(), [OLD, new.as_str()], "whichever the server has is sent");
    assert!(world.rotate(kind, false).await.is_err(), "one rotation at a time");
    assert_eq!(world.variable("revocation_secret"), new);

    let away = world.rotate(kind, true).await.expect_err("it does not run").to_string();
    assert!(away.contains("does not answer"), "{away}");
    *server.secret.lock().expect("a lock") = OLD.to_owned();
    let early = world.rotate_at(&server.origin, kind, true).await;
    let early = early.expect_err("it is not deployed").to_string();
    assert!(early.contains("does not accept the new secret. Deploy the server"), "{early}");
    assert_eq!(world.sent(), [OLD, new.as_str()]);
    assert_eq!(world.variable("revocation_secret_previous"), OLD);

    server.secret.lock().expect("a lock").clone_from(&new);
    world.rotate_at(&server.origin, kind, true).await.expect("it is finished");
    assert_eq!(*server.told.lock().expect("a lock"), [r#"{"reseal":true}"#]);
    assert_eq!(world.sent(), [new.as_str()]);
    assert_eq!(world.variable("revocation_secret_previous"), "");
    world.rotate(kind, false).await.expect("and the next one begins");
}

#[tokio::test]
async fn a_secret_without_a_log_stream_is_replaced_with_the_same_commands() {
    let world = World::new().await;
    let server = Server::start().await;
    world.tenant.control().edit(|directory| directory.log_streams.clear());
    let kind = cli::RotateKind::RevocationSecret;
    world.rotate(kind, false).await.expect("it is replaced");
    server.secret.lock().expect("a lock").clone_from(&world.variable("revocation_secret"));
    world.rotate_at(&server.origin, kind, true).await.expect("it is finished");
    assert_eq!(world.variable("revocation_secret_previous"), "");
    assert!(world.rotate(kind, true).await.is_err(), "there is nothing to finish");
}

#[tokio::test]
async fn a_tenant_without_room_for_a_second_log_stream_gets_the_new_secret_at_once() {
    let world = World::new().await;
    let full = Fault::management(403, "forbidden", "You have reached the limit of log streams.");
    // The first request lists the streams, the second one makes another.
    let full = Fault { skip: 1, times: Some(1), ..full };
    world.tenant.control().inject(Endpoint::ManagementOther, full);
    world.rotate(cli::RotateKind::RevocationSecret, false).await.expect("it is replaced");
    assert_eq!(world.sent(), [world.variable("revocation_secret")]);
}

#[tokio::test]
async fn the_tenant_accepts_the_old_and_the_new_key_until_the_rotation_is_finished() {
    let world = World::new().await;
    let kind = cli::RotateKind::PrivateKey;
    assert!(world.rotate(kind, false).await.is_err(), "there is no key yet");
    let (private, public) = doorward_tenant::rsa_key_pair().expect("a key");
    let body = json!({"credential_type": "public_key", "pem": public, "alg": "RS256"});
    let added = world.management.send("POST", "clients/doorward/credentials", Some(&body)).await;
    let added = added.expect("it is added");
    let enabled =
        world.management.send("PATCH", "clients/doorward", Some(&methods(&[&added]))).await;
    enabled.expect("it is enabled");
    let mut env = world.env();
    env.set("auth0_client_private_key", &private.trim().replace('\n', "\\n"));
    env.set("auth0_client_private_key_id", added["kid"].as_str().expect("an id"));
    env.write().expect("it is written");

    world.rotate(kind, false).await.expect("it is replaced");
    let keys = world.client().public_keys;
    assert!(keys.len() == 2 && keys.iter().all(|key| key.is_enabled), "{keys:?}");
    assert_ne!(world.variable("auth0_client_private_key"), private.trim().replace('\n', "\\n"));
    assert!(world.rotate(kind, false).await.is_err(), "one rotation at a time");
    world.rotate(kind, true).await.expect("it is finished");
    let keys = world.client().public_keys;
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].id, format!("cred_{}", world.variable("auth0_client_private_key_id")));
    assert_ne!(keys[0].pem, public);
}

#[tokio::test]
async fn a_tenant_that_refuses_keeps_the_secret_that_there_is() {
    for kind in [cli::RotateKind::Client, cli::RotateKind::RevocationSecret] {
        let world = World::new().await;
        let before = std::fs::read_to_string(world.path()).expect("it is there");
        let fault = Fault::management(500, "internal_error", "An internal server error occurred");
        world.tenant.control().inject(Endpoint::ManagementOther, fault);
        let error = world.rotate(kind, false).await.expect_err("the tenant refuses").to_string();
        assert!(error.contains("is unchanged"), "{error}");
        assert_eq!(std::fs::read_to_string(world.path()).ok(), Some(before));
    }
}
