//! `deploy`: builds the component, deploys it to a host, and looks at it from outside.
//!
//! A host that chooses the URL needs two passes: the first one finds out the URL, the second one
//! sets it. What was found out is kept in `target/deploy/`, so that an interrupted run goes on from
//! there. All commands are made first and run afterwards, so that `--dry-run` prints exactly them.

mod manifest;
mod notes;
mod plan;
mod state;
mod tools;

use crate::{
    Error, Wasi,
    build::{self, Progress, Toolchain},
    check,
    cli::{Check, Deploy, Target},
    env_file, workspace,
};
use notes::OfUrl;
use plan::{Plan, Setting};
use state::State;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

/// The URL of a server whose host has not chosen one yet.
const UNKNOWN_URL: &str = "https://unknown.invalid";

/// How long a new deployment may take to answer.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// Deploys the component.
///
/// # Errors
/// Returns an error if the options are invalid, a tool is missing or fails, the component does not
/// build, or the server does not answer from outside as it should.
pub async fn run(options: &Deploy) -> Result<(), Error> {
    let folder = workspace::root().join("target").join("deploy").join(options.target.name());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let deployment = Deployment::new(options, folder, path)?;
    if options.dry_run {
        println!("{}", deployment.described()?);
        return Ok(());
    }
    deployment.check_tools().await?;
    for note in deployment.notes(deployment.known_url()?.as_deref()) {
        println!("{note}");
    }
    let component = component(options).await?;
    let url = deployment.deploy(&component).await?;
    println!();
    is_ready(&url, deployment.reminder().as_deref()).await?;
    let from_outside = Check {
        url: Some(url.clone()),
        env_file: None,
        token_stdin: false,
        auth0_cli: None,
        bearer_stdin: false,
        user: None,
        page: None,
        json: false,
    };
    check::run(&from_outside).await?;
    println!("Open {url}/mcp in MCP Inspector and sign in.");
    Ok(())
}

/// Waits until a new deployment answers. The reminder is for one that lacks a secret.
async fn is_ready(url: &str, reminder: Option<&str>) -> Result<(), Error> {
    let started_at = tokio::time::Instant::now();
    loop {
        let problem = match reqwest::get(format!("{url}/health")).await {
            Ok(answer) if answer.status() == 200 => return Ok(()),
            Ok(answer) if answer.status() == 503 => {
                let problem = "It is deployed, and a variable is wrong: `/health` answers 503. The \
                               log of the host names the variable.";
                let lines: Vec<&str> = [problem].into_iter().chain(reminder).collect();
                return Err(Error::flow(lines.join("\n")));
            }
            Ok(answer) => answer.status().to_string(),
            Err(error) => error.to_string(),
        };
        if started_at.elapsed() >= READY_TIMEOUT {
            return Err(Error::flow(format!("It is deployed, but does not answer: {problem}")));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn component(options: &Deploy) -> Result<PathBuf, Error> {
    let toolchain = Toolchain::from_env();
    let wasi = options.target.wasi();
    if options.no_build {
        return build::existing(&toolchain, wasi).await;
    }
    println!("Building the component for {wasi}.");
    build::component(&toolchain, wasi, Progress::Shown).await
}

/// A name for this deployment that no earlier one has: its time, in milliseconds.
fn stamp() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!("t{}", now.unwrap_or_default().as_millis())
}

/// What is deployed, and where to.
struct Deployment<'a> {
    options: &'a Deploy,
    /// The variables of the environment file, without those that depend on the URL.
    settings: Vec<Setting>,
    of_url: OfUrl,
    folder: PathBuf,
    /// Where programs are looked for.
    path: OsString,
    /// What tells the pods of this deployment from those of the one before.
    stamp: String,
}

impl<'a> Deployment<'a> {
    fn new(options: &'a Deploy, folder: PathBuf, path: OsString) -> Result<Self, Error> {
        let mut variables = env_file::read_for_deployment(&options.env_file)?.variables;
        let of_url = OfUrl {
            public_url: variables.remove("public_url"),
            audience: variables.remove("auth0_audience"),
        };
        let secrets = manifest::secrets()?;
        if let Some(name) = variables.keys().find(|name| !secrets.contains_key(*name)) {
            return Err(Error::usage(format!(
                "{}: `spin.toml` has no variable `{name}`.",
                options.env_file.display()
            )));
        }
        let is_secret = |name: &str| secrets.get(name).copied().unwrap_or(true);
        let settings: Vec<Setting> = variables
            .into_iter()
            .map(|(name, value)| Setting { is_secret: is_secret(&name), name, value })
            .collect();
        if options.url.as_ref().is_some_and(|url| url.scheme() != "https") {
            return Err(Error::usage("--url must begin with https://."));
        }
        let deployment = Self { options, settings, of_url, folder, path, stamp: stamp() };
        match options.target {
            Target::Kube if options.url.is_none() || options.image.is_none() => {
                return Err(Error::usage(
                    "A cluster needs --url, the URL of its ingress, and --image, the image's name.",
                ));
            }
            Target::Cloud | Target::Aka if options.image.is_some() => {
                return Err(Error::usage("--image is for `deploy kube`."));
            }
            Target::Cloud | Target::Aka if !options.secrets_on_command_line && !options.dry_run => {
                if let Some(first) = deployment.secrets().first() {
                    return Err(Error::usage(format!(
                        "`spin {}` takes the value of a variable on its command line and in no other \
                         way, where other users of this machine can read it for as long as the \
                         command runs. `{first}` is a secret. If nobody else uses this machine, add \
                         --secrets-on-command-line. Otherwise leave it out of {} and set it where \
                         you are alone.",
                        options.target.name(),
                        options.env_file.display()
                    )));
                }
            }
            _ => {}
        }
        Ok(deployment)
    }

    /// The URL, as far as it is known before anything is deployed.
    fn known_url(&self) -> Result<Option<String>, Error> {
        let given = self.options.url.as_ref().map(|url| url.origin().ascii_serialization());
        Ok(given.or(State::read(&self.folder)?.map(|state| state.url)))
    }

    fn plan(&self) -> Plan<'_> {
        Plan {
            target: self.options.target,
            manifest: self.folder.join("spin.toml"),
            settings: &self.settings,
            image: self.options.image.as_deref().unwrap_or_default(),
            further: &self.options.further,
            stamp: &self.stamp,
        }
    }

    /// Everything that would be run, without the secrets, and what is to be known about it.
    fn described(&self) -> Result<String, Error> {
        let wasi = self.options.target.wasi();
        let plan = self.plan();
        let known = self.known_url()?;
        let mut lines: Vec<String> =
            self.notes(known.as_deref()).iter().map(|note| format!("# {note}")).collect();
        let secrets = self.secrets();
        let on_command_line = matches!(self.options.target, Target::Cloud | Target::Aka);
        if on_command_line && !self.options.secrets_on_command_line && !secrets.is_empty() {
            lines.push(format!(
                "# Needs --secrets-on-command-line, or a file without {}.",
                secrets.join(", ")
            ));
        }
        lines.push(format!(
            "cargo build --package {} --lib --target {} --release",
            workspace::COMPONENT,
            wasi.target()
        ));
        lines.push(format!(
            "# {} is {} with the tenant's hosts and the path of the component.",
            plan.manifest.display(),
            self.options.target.manifest()
        ));
        if known.is_none() {
            lines.push("# The first pass finds out the URL.".to_owned());
            lines.extend(plan.commands(UNKNOWN_URL)?.iter().map(ToString::to_string));
            lines.push("# The second pass sets it.".to_owned());
        }
        let url = known.unwrap_or_else(|| "https://<the URL of the first pass>".to_owned());
        lines.extend(plan.commands(&url)?.iter().map(ToString::to_string));
        lines.extend(self.reminder().map(|reminder| format!("# {reminder}")));
        lines.push(format!("cargo run -- check {url}"));
        Ok(lines.join("\n"))
    }

    async fn check_tools(&self) -> Result<(), Error> {
        tools::check(self.options.target, &self.path).await
    }

    /// Runs all passes that are still necessary. Returns the URL.
    async fn deploy(&self, component: &Path) -> Result<String, Error> {
        let problem = |error: std::io::Error| {
            Error::start(format!("Cannot write to {}: {error}", self.folder.display()))
        };
        std::fs::create_dir_all(&self.folder).map_err(problem)?;
        let plan = self.plan();
        let text = manifest::adapted(self.options.target, component, &self.settings)?;
        std::fs::write(&plan.manifest, text).map_err(problem)?;
        let url = match self.known_url()? {
            Some(url) => {
                println!("The server's URL is {url}.");
                url
            }
            None => {
                println!("First pass: find out the URL.");
                let output = self.run(&plan, UNKNOWN_URL).await?;
                let url = self.options.target.url_in(&output).ok_or_else(|| {
                    Error::start(
                        "It was deployed, but its URL is not in what the plugin printed. Run this \
                         again with --url.",
                    )
                })?;
                State { url: url.clone() }.write(&self.folder).map_err(problem)?;
                println!(
                    "\nThe server's URL is {url}.\nThe API in the tenant needs the identifier \
                     {url}/mcp; docs/tenant.md says how to create it.\n\nSecond pass: set the URL."
                );
                url
            }
        };
        self.run(&plan, &url).await?;
        Ok(url)
    }

    async fn run(&self, plan: &Plan<'_>, url: &str) -> Result<String, Error> {
        let mut output = String::new();
        for command in plan.commands(url)? {
            println!("\n$ {command}");
            output.push_str(&command.run(&self.path).await?);
        }
        Ok(output)
    }
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Aka => "aka",
            Self::Kube => "kube",
        }
    }

    fn wasi(self) -> Wasi {
        match self {
            Self::Cloud => Wasi::V0_2,
            Self::Aka | Self::Kube => Wasi::V0_3,
        }
    }

    /// The manifest that it starts from.
    fn manifest(self) -> &'static str {
        match self {
            Self::Cloud => "spin.cloud.toml",
            Self::Aka | Self::Kube => "spin.toml",
        }
    }

    /// The URL of the application in what the plugin printed.
    fn url_in(self, output: &str) -> Option<String> {
        let domain = match self {
            Self::Cloud => ".fermyon.app",
            Self::Aka => ".fwf.app",
            Self::Kube => return None,
        };
        let urls = output.split_whitespace().filter_map(|word| url::Url::parse(word).ok());
        let mut urls = urls.filter(|url| {
            url.scheme() == "https" && url.host_str().is_some_and(|host| host.ends_with(domain))
        });
        urls.next().map(|url| url.origin().ascii_serialization())
    }
}

#[cfg(test)]
mod tests;
