//! Starts a local tenant and a server that trusts it, for the command line and the black-box tests.

use crate::{
    Error, Host, HostChoice, Log, Wasi, build, port, server::Server, server::ServerOptions,
};
use doorward_host::{Limits, Reuse};
use doorward_tenant::{AppType, Scope, Seed, Tenant};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Limit of attempts to find a free port: another process may take it before the server does.
const ATTEMPTS: usize = 5;

/// The sources of the variables that the stack sets.
struct Facts<'a> {
    /// The tenant's origin: `http://127.0.0.1:4000`.
    origin: &'a str,
    /// The server's URL, without a path.
    url: &'a str,
    /// The MCP endpoint.
    audience: &'a str,
    /// The server's client at the tenant.
    client_id: &'a str,
    /// The secret of `client_id`.
    client_secret: &'a str,
    /// The client of the connect page. Empty if the seed has none.
    connect_client_id: &'a str,
    /// The secret of `connect_client_id`.
    connect_client_secret: &'a str,
}

type Value = for<'a> fn(&Facts<'a>) -> &'a str;

/// The manifest's variables that point the server to the local tenant and set its own URL.
const OWN_VARIABLES: [(&str, Value); 9] = [
    ("auth0_domain", |facts| facts.origin.trim_start_matches("http://")),
    ("auth0_audience", |facts| facts.audience),
    ("auth0_client_id", |facts| facts.client_id),
    ("auth0_client_secret", |facts| facts.client_secret),
    ("connect_client_id", |facts| facts.connect_client_id),
    ("connect_client_secret", |facts| facts.connect_client_secret),
    ("public_url", |facts| facts.url),
    ("google_api_url", |facts| facts.origin),
    ("local_tenant_url", |facts| facts.origin),
];

/// Options of a stack. The defaults are for tests: free ports, the built-in seed, captured output.
pub struct StackOptions {
    /// The host that runs the component.
    pub host: HostChoice,
    /// The program that runs the component on Spin.
    pub spin: OsString,
    /// The build of the component.
    pub wasi: Wasi,
    /// The Spin manifest. Defaults to the one of this workspace.
    pub manifest: Option<PathBuf>,
    /// The component. Defaults to the result of [`crate::build_component`].
    pub component: Option<PathBuf>,
    /// The server's port. Defaults to a free one.
    pub port: Option<u16>,
    /// The tenant's port. Defaults to a free one.
    pub tenant_port: Option<u16>,
    /// The tenant's seed as TOML. Defaults to the built-in one.
    pub seed: Option<String>,
    /// Further permissions of the API, with descriptions. Who has all others has these as well.
    pub permissions: Vec<(String, String)>,
    /// Overrides of the manifest's variables. `None` leaves out a variable that the stack would
    /// set.
    pub variables: BTreeMap<String, Option<String>>,
    /// Whether clients may connect to `localhost` as well as to `127.0.0.1`.
    pub localhost: bool,
    /// How instances are reused.
    pub reuse: Reuse,
    /// Spin's runtime configuration. The local host has none.
    pub runtime_config: Option<PathBuf>,
    /// The destination of the server's output.
    pub log: Log,
}

/// A tenant and a server, on loopback. They stop when this is dropped.
pub struct Stack {
    // Dropped before the tenant, which requests in flight may still need.
    server: Server,
    tenant: Tenant,
    options: ServerOptions,
}

impl Default for StackOptions {
    fn default() -> Self {
        Self {
            host: HostChoice::default(),
            spin: "spin".into(),
            wasi: Wasi::default(),
            manifest: None,
            component: None,
            port: None,
            tenant_port: None,
            seed: None,
            permissions: Vec::new(),
            variables: BTreeMap::new(),
            localhost: false,
            reuse: Reuse::default(),
            runtime_config: None,
            log: Log::Capture,
        }
    }
}

impl Stack {
    /// Starts a tenant and a server, and waits until both respond.
    ///
    /// # Errors
    /// Returns an error if a port is in use, the seed is invalid, or the host cannot start the
    /// component.
    ///
    /// # Panics
    /// Panics if no component is given and the default one does not build.
    pub async fn start(mut options: StackOptions) -> Result<Self, Error> {
        let host = options.host.resolve_program(&options.spin, options.wasi).await?;
        let component = match options.component.take() {
            Some(component) => component,
            None => {
                let wasi = options.wasi;
                tokio::task::spawn_blocking(move || build::build_component(wasi))
                    .await
                    .map_err(|error| Error::build(error.to_string()))?
            }
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            let port = match options.port {
                Some(port) if port::is_free(port) => port,
                Some(port) => return Err(port::in_use(port, "the server", "--port")),
                None => port::free()?,
            };
            match Self::start_on(port, &host, &component, &options).await {
                Err(_) if options.port.is_none() && attempt < ATTEMPTS && !port::is_free(port) => {}
                outcome => return outcome,
            }
        }
    }

    /// The tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Starts one more server like this one, as behind a load balancer: with the same variables,
    /// and thus the same public URL, on another port.
    ///
    /// # Errors
    /// Returns an error if the host cannot start the component.
    pub async fn another_server(&self) -> Result<Server, Error> {
        let listen = port::loopback(port::free()?);
        Server::start(ServerOptions { listen, ..self.options.clone() }).await
    }

    /// The same with other values of some variables.
    ///
    /// # Errors
    /// Returns an error if the host cannot start the component.
    pub async fn another_server_with(&self, variables: &[(&str, &str)]) -> Result<Server, Error> {
        let mut options =
            ServerOptions { listen: port::loopback(port::free()?), ..self.options.clone() };
        let changed = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
        options.variables.extend(changed);
        Server::start(options).await
    }

    /// Stops the server, then the tenant.
    pub async fn stop(self) {
        self.server.stop().await;
        self.tenant.stop().await;
    }

    /// Returns the server and the tenant.
    pub fn into_parts(self) -> (Server, Tenant) {
        (self.server, self.tenant)
    }

    /// The host that runs the component.
    pub fn host(&self) -> &Host {
        &self.options.host
    }

    /// The server's URL, without a path: `http://127.0.0.1:3000`.
    pub fn server_url(&self) -> &str {
        self.server.url()
    }

    /// The URL of the MCP endpoint, which is also the audience of its tokens.
    pub fn mcp_url(&self) -> String {
        mcp_url(self.server.url())
    }

    /// The captured output of the server so far. Empty unless it is captured.
    pub fn logs(&self) -> String {
        self.server.logs()
    }

    async fn start_on(
        port: u16,
        host: &Host,
        component: &Path,
        options: &StackOptions,
    ) -> Result<Self, Error> {
        let listen = port::loopback(port);
        let url = format!("http://{listen}");
        let audience = mcp_url(&url);
        let mut seed = match &options.seed {
            None => Seed::load_default(&audience),
            Some(text) => {
                Seed::parse(text, &audience).map_err(|error| Error::usage(error.to_string()))?
            }
        };
        add_permissions(&mut seed, &audience, &options.permissions);
        let localhost = options.localhost.then(|| at_localhost(&audience));
        let own = seed.apis.iter_mut().find(|api| api.identifier == audience);
        if let (Some(localhost), Some(api)) = (&localhost, own) {
            api.aliases.push(localhost.clone());
        }
        let tenant = start_tenant(seed, options.tenant_port).await?;
        let mut variables = variables(tenant.seed(), tenant.origin(), &url)?;
        if let Some(localhost) = localhost {
            variables.insert("auth0_audience".to_owned(), format!("{audience} {localhost}"));
        }
        for (name, value) in &options.variables {
            match value {
                Some(value) => variables.insert(name.clone(), value.clone()),
                None => variables.remove(name),
            };
        }
        let options = ServerOptions {
            host: host.clone(),
            manifest: options.manifest.clone(),
            component: component.to_owned(),
            listen,
            variables,
            reuse: options.reuse.clone(),
            limits: Limits::default(),
            runtime_config: options.runtime_config.clone(),
            log: options.log,
        };
        let server = Server::start(options.clone()).await?;
        Ok(Self { server, tenant, options })
    }
}

/// Defines permissions of an API, and gives them to whoever has all of its permissions: people,
/// roles and clients.
fn add_permissions(seed: &mut Seed, audience: &str, permissions: &[(String, String)]) {
    let Some(api) = seed.apis.iter_mut().find(|api| api.identifier == audience) else { return };
    let before: Vec<String> = api.scopes.iter().map(|scope| scope.value.clone()).collect();
    api.scopes.extend(
        permissions
            .iter()
            .map(|(value, text)| Scope { value: value.clone(), description: text.clone() }),
    );
    let people = seed.people.iter_mut().map(|person| &mut person.permissions);
    let held = people.chain(seed.roles.iter_mut().map(|role| &mut role.permissions));
    let held = held.filter_map(|permissions| permissions.get_mut(audience));
    let granted = seed.client_grants.iter_mut().filter(|grant| grant.audience == audience);
    for list in held.chain(granted.map(|grant| &mut grant.scopes)) {
        if before.iter().all(|permission| list.contains(permission)) {
            list.extend(permissions.iter().map(|(value, _)| value.clone()));
        }
    }
}

/// Whether the stack sets this variable.
pub(crate) fn is_own_variable(name: &str) -> bool {
    OWN_VARIABLES.iter().any(|(own, _)| *own == name)
}

/// Returns the URL of a server's MCP endpoint.
pub(crate) fn mcp_url(server: &str) -> String {
    format!("{server}/mcp")
}

/// Returns the same URL with the name that people type.
pub(crate) fn at_localhost(url: &str) -> String {
    url.replacen("127.0.0.1", "localhost", 1)
}

/// Returns the variables for a server at `url` with the tenant at `origin`.
///
/// # Errors
/// Returns an error if the seed has no client for the server.
fn variables(seed: &Seed, origin: &str, url: &str) -> Result<BTreeMap<String, String>, Error> {
    let audience = mcp_url(url);
    let client = seed.clients.iter().find(|client| {
        client.app_type == AppType::ResourceServer
            && client.resource_server_identifier.as_ref() == Some(&audience)
    });
    let client = client.ok_or_else(|| {
        Error::usage("The seed has no client of type resource_server for the audience.")
    })?;
    let callback = format!("{url}/connect/callback");
    let connect = seed
        .clients
        .iter()
        .find(|client| client.client_secret.is_some() && client.redirect_uris.contains(&callback));
    let facts = Facts {
        origin,
        url,
        audience: &audience,
        client_id: &client.client_id,
        client_secret: client.client_secret.as_deref().unwrap_or_default(),
        connect_client_id: connect.map(|client| client.client_id.as_str()).unwrap_or_default(),
        connect_client_secret: connect
            .and_then(|client| client.client_secret.as_deref())
            .unwrap_or_default(),
    };
    let pair = |(name, value): (&str, Value)| (name.to_owned(), value(&facts).to_owned());
    Ok(OWN_VARIABLES.into_iter().map(pair).collect())
}

pub(crate) async fn start_tenant(seed: Seed, port: Option<u16>) -> Result<Tenant, Error> {
    // Let the system choose the default port: unlike the server, the tenant needs to know its URL
    // only after binding.
    let listen = port::loopback(port.unwrap_or(0));
    if let Some(port) = port.filter(|port| !port::is_free(*port)) {
        return Err(port::in_use(port, "the local tenant", "--tenant-port"));
    }
    let tenant = Tenant::start(doorward_tenant::Options { listen, seed }).await;
    tenant.map_err(|error| Error::start(format!("Cannot start the local tenant: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_point_to_the_tenant_and_the_server() {
        let (origin, url) = ("http://127.0.0.1:4000", "http://127.0.0.1:3000");
        let seed = Seed::load_default(&mcp_url(url));
        let variables = variables(&seed, origin, url).expect("the seed has the server's client");
        let expected = [
            ("auth0_domain", "127.0.0.1:4000"),
            ("auth0_audience", "http://127.0.0.1:3000/mcp"),
            ("auth0_client_id", "doorward"),
            ("auth0_client_secret", "local-only-secret-that-everybody-knows"),
            ("connect_client_id", "doorward-connect"),
            ("connect_client_secret", "local-only-secret-that-everybody-knows"),
            ("public_url", url),
            ("google_api_url", origin),
            ("local_tenant_url", origin),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(variables, BTreeMap::from(expected));
    }

    #[test]
    fn whoever_has_all_permissions_gets_further_ones_and_nobody_else() {
        let audience = "http://127.0.0.1:3000/mcp";
        let mut seed = Seed::load_default(audience);
        add_permissions(&mut seed, audience, &[("tool:more".to_owned(), "More".to_owned())]);
        let has = |list: &Vec<String>| list.iter().any(|it| it == "tool:more");
        let roles: Vec<_> = seed
            .roles
            .iter()
            .map(|role| (&role.name[..], has(&role.permissions[audience])))
            .collect();
        assert_eq!(roles, [("Member", true), ("Greeter", false)]);
        let people = seed.people.iter().filter(|it| it.permissions.values().any(has));
        let people: Vec<_> = people.map(|person| &person.email[..]).collect();
        assert_eq!(people, ["owner@example.com"]);
        let granted: Vec<_> = seed.client_grants.iter().map(|it| has(&it.scopes)).collect();
        assert_eq!(granted.iter().filter(|has| **has).count(), 1, "third-party clients");
        assert!(seed.apis[0].scopes.iter().any(|scope| scope.value == "tool:more"));
    }

    #[test]
    fn a_seed_without_the_servers_client_is_refused() {
        let seed = Seed::load_default("http://127.0.0.1:1/mcp");
        let error = variables(&seed, "http://127.0.0.1:4000", "http://127.0.0.1:3000");
        assert_eq!(error.expect_err("another audience").kind(), crate::Kind::Usage);
    }
}
