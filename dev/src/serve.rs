//! `cargo run` without a command: serves until Ctrl-C.

use crate::{
    Application, Error, Log, Stack, StackOptions, application, banner,
    build::{self, Progress, Toolchain},
    cli,
    env_file::{self, RealTenant},
    port,
    server::{Server, ServerOptions},
    stack, workspace,
};
use doorward_host::{Limits, Reuse};
use doorward_tenant::{Seed, Tenant};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The server's default port.
const PORT: u16 = 3000;

/// A running server, and its tenant if that is local. Both stop when this is dropped. An empty
/// tenant runs alone.
pub struct Serving {
    server: Option<Server>,
    tenant: Option<Tenant>,
    // Spin may read the manifest again.
    _application: Option<Application>,
}

/// Builds the component, starts the server with a local or a real tenant, and prints what to do
/// next.
///
/// # Errors
/// Returns an error if the options are invalid, the component does not build, or the tenant or the
/// server cannot start.
pub async fn start(options: &cli::Serve) -> Result<Serving, Error> {
    match &options.env_file {
        None if options.tenant == cli::LocalTenant::Empty => start_empty(options).await,
        None => start_local(options).await,
        Some(file) => start_real(options, env_file::read(file)?).await,
    }
}

impl Serving {
    /// Stops after answering the requests in flight.
    pub async fn stop(self) {
        if let Some(server) = self.server {
            server.stop().await;
        }
        if let Some(tenant) = self.tenant {
            tenant.stop().await;
        }
    }

    /// Waits until the server stops unexpectedly.
    pub async fn ended(&mut self) -> Error {
        match &mut self.server {
            Some(server) => server.ended().await,
            None => std::future::pending().await,
        }
    }
}

/// Builds the component, or finds the one from the last build.
pub(crate) async fn component(options: &cli::Run) -> Result<PathBuf, Error> {
    // Check for Spin before the build, so that an error comes at once.
    options.host.resolve(options.wasi).await?;
    let toolchain = Toolchain::from_env();
    let component = if options.no_build {
        build::existing(&toolchain, options.wasi).await?
    } else {
        eprintln!("Building the component.");
        build::component(&toolchain, options.wasi, Progress::Shown).await?
    };
    // Announce the delay: neither host shows any progress while it compiles.
    eprintln!(
        "Starting the server. It first compiles the component for this machine, which takes a few \
         seconds."
    );
    Ok(component)
}

/// Builds the tool components of `--with`, and composes an application with them.
async fn application(
    options: &cli::Serve,
    upstreams: Option<&str>,
) -> Result<Option<Application>, Error> {
    let Some(folder) = &options.with else { return Ok(None) };
    options.run.host.resolve(options.run.wasi).await?;
    // The default is in this repository, wherever the program is started.
    let ours = workspace::root().join(folder);
    let folder: &Path = if folder.is_dir() { folder } else { &ours };
    let build = (!options.run.no_build).then_some(application::Progress::Shown);
    Application::start(folder, upstreams.unwrap_or_default(), build).await.map(Some)
}

async fn start_local(options: &cli::Serve) -> Result<Serving, Error> {
    let port = options.port.unwrap_or(PORT);
    // Check the ports before the build, so that an error comes at once.
    if port == options.tenant_port {
        return Err(Error::usage(format!(
            "The server and the local tenant cannot both use port {port}: choose another with \
             --port or --tenant-port."
        )));
    }
    free(port, "the server", "--port")?;
    free(options.tenant_port, "the local tenant", "--tenant-port")?;
    let mut variables = extra_variables();
    let upstreams = variables.remove("upstreams").flatten();
    let application = application(options, upstreams.as_deref()).await?;
    if application.is_none() && upstreams.is_some() {
        variables.insert("upstreams".to_owned(), upstreams);
    }
    let stack = Stack::start(StackOptions {
        host: options.run.host,
        wasi: options.run.wasi,
        manifest: application.as_ref().map(Application::manifest),
        component: Some(component(&options.run).await?),
        port: Some(port),
        tenant_port: Some(options.tenant_port),
        permissions: application.as_ref().map(Application::permissions).unwrap_or_default(),
        variables,
        localhost: true,
        log: Log::Inherit,
        ..StackOptions::default()
    })
    .await?;
    stack.server().check().await?;
    println!("{}", banner::local(&stack, application.as_ref()));
    let (server, tenant) = stack.into_parts();
    Ok(Serving { server: Some(server), tenant: Some(tenant), _application: application })
}

/// Starts a tenant in which nothing is set up, and no server: none could use it yet.
async fn start_empty(options: &cli::Serve) -> Result<Serving, Error> {
    free(options.tenant_port, "the local tenant", "--tenant-port")?;
    let tenant = stack::start_tenant(Seed::empty(), Some(options.tenant_port)).await?;
    println!("{}", banner::empty(&tenant));
    Ok(Serving { server: None, tenant: Some(tenant), _application: None })
}

async fn start_real(options: &cli::Serve, tenant: RealTenant) -> Result<Serving, Error> {
    let port = options.port.or(tenant.port).unwrap_or(PORT);
    free(port, "the server", "--port")?;
    let host = options.run.host.resolve(options.run.wasi).await?;
    let upstreams = tenant.variables.get("upstreams").cloned();
    let upstreams = upstreams.or_else(|| doorward_host::variables_from_env().remove("upstreams"));
    let application = application(options, upstreams.as_deref()).await?;
    let component = component(&options.run).await?;
    let listen = port::loopback(port);
    if tenant.only_verifies {
        eprintln!(
            "The file has no client secret and no private key: the token alone decides who may use \
             what, and there is no Token Vault."
        );
    }
    let mut variables = doorward_host::variables_from_env();
    variables.extend(tenant.variables);
    let public_url =
        variables.entry("public_url".to_owned()).or_insert_with(|| format!("http://{listen}"));
    let mcp_url = stack::mcp_url(public_url);
    let audience = variables.get("auth0_audience").cloned().unwrap_or_default();
    let name = host.to_string();
    let server = Server::start(ServerOptions {
        host,
        manifest: application.as_ref().map(Application::manifest),
        component,
        listen,
        variables,
        reuse: Reuse::default(),
        limits: Limits::default(),
        runtime_config: None,
        log: Log::Inherit,
    });
    let server = server.await?;
    server.check().await?;
    println!("{}", banner::real(&mcp_url, &audience, server.url(), &name));
    Ok(Serving { server: Some(server), tenant: None, _application: application })
}

fn free(port: u16, whose: &str, option: &str) -> Result<(), Error> {
    if port::is_free(port) { Ok(()) } else { Err(port::in_use(port, whose, option)) }
}

/// Returns the Spin variables in the caller's environment, for either host. Leaves out those that
/// the stack sets for the local tenant.
fn extra_variables() -> BTreeMap<String, Option<String>> {
    let mut variables = doorward_host::variables_from_env();
    variables.retain(|name, _| !stack::is_own_variable(name));
    variables.into_iter().map(|(name, value)| (name, Some(value))).collect()
}
