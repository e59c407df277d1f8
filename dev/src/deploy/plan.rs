//! The commands of a pass.

use super::manifest;
use crate::{Error, cli::Target};
use serde_json::{Value, json};
use std::{ffi::OsStr, fmt, path::PathBuf, process::Stdio};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};

/// What the operator makes of the application in a cluster.
const DEPLOYMENT: &str = "deployment/doorward";

/// A variable of the component.
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) is_secret: bool,
}

/// What the commands are made from.
pub(super) struct Plan<'a> {
    pub(super) target: Target,
    /// The adapted manifest.
    pub(super) manifest: PathBuf,
    pub(super) settings: &'a [Setting],
    /// The name of the image, for a cluster.
    pub(super) image: &'a str,
    /// Further arguments for the plugin.
    pub(super) further: &'a [String],
    /// What tells the pods of this deployment from those of the one before.
    pub(super) stamp: &'a str,
}

/// An argument. `Display` shows a secret by its name.
pub(super) enum Argument {
    Public(String),
    /// `name=value`.
    Secret {
        name: String,
        value: String,
    },
}

/// A command. `Display` shows it as it may be logged.
pub(super) struct Step {
    program: &'static str,
    arguments: Vec<Argument>,
    /// What it reads, and what that is.
    input: Option<(String, &'static str)>,
}

impl Plan<'_> {
    /// The commands of a pass, with this URL of the server.
    ///
    /// # Errors
    /// Returns an error if the manifest for the cluster cannot be made.
    pub(super) fn commands(&self, url: &str) -> Result<Vec<Step>, Error> {
        match self.target {
            Target::Cloud | Target::Aka => Ok(vec![self.deploy(url)]),
            Target::Kube => self.apply(url),
        }
    }

    fn deploy(&self, url: &str) -> Step {
        let plugin = if self.target == Target::Cloud { "cloud" } else { "aka" };
        let mut step = Step::new("spin", &[plugin, "deploy", "-f"]);
        step.push(self.manifest.display().to_string());
        for (name, value) in
            [("public_url", url.to_owned()), ("auth0_audience", format!("{url}/mcp"))]
        {
            step.push("--variable");
            step.push(format!("{name}={value}"));
        }
        for Setting { name, value, is_secret } in self.settings {
            step.push("--variable");
            match is_secret {
                false => step.push(format!("{name}={value}")),
                true => step
                    .arguments
                    .push(Argument::Secret { name: name.clone(), value: value.clone() }),
            }
        }
        self.further.iter().for_each(|argument| step.push(argument.clone()));
        step
    }

    fn apply(&self, url: &str) -> Result<Vec<Step>, Error> {
        let mut push = Step::new("spin", &["registry", "push", "-f"]);
        push.push(self.manifest.display().to_string());
        push.push(self.image);
        self.further.iter().for_each(|argument| push.push(argument.clone()));
        let secrets =
            self.settings.iter().filter(|it| it.is_secret || it.name == "auth0_client_id");
        let data: serde_json::Map<String, Value> =
            secrets.map(|it| (it.name.clone(), json!(it.value))).collect();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "doorward" },
            "stringData": data,
        });
        let mut store =
            Step::new("kubectl", &["apply", "--server-side", "--force-conflicts", "-f", "-"]);
        store.input = Some((secret.to_string(), "the secret `doorward`"));
        let mut apply = Step::new("kubectl", &["apply", "-f", "-"]);
        let text = manifest::spin_app(url, self.image, self.settings, self.stamp)?;
        apply.input = Some((text, "deploy/kube/doorward.yaml with your values"));
        // The operator makes and changes the Deployment a moment later. Until then `rollout status`
        // does not find it, or reports that of the pods before.
        let stamp = format!(
            "--for=jsonpath={{.spec.template.metadata.annotations.{}}}={}",
            manifest::STAMP,
            self.stamp
        );
        let created = ["wait", "--for=create", DEPLOYMENT, "--timeout=60s"];
        let changed = ["wait", &stamp, DEPLOYMENT, "--timeout=60s"];
        let rolled_out = ["rollout", "status", DEPLOYMENT, "--timeout=180s"];
        let waits = [&created, &changed, &rolled_out].map(|it| Step::new("kubectl", it));
        Ok([push, store, apply].into_iter().chain(waits).collect())
    }
}

impl Step {
    fn new(program: &'static str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|it| Argument::Public((*it).to_owned())).collect();
        Self { program, arguments, input: None }
    }

    fn push(&mut self, argument: impl Into<String>) {
        self.arguments.push(Argument::Public(argument.into()));
    }

    /// Runs the command, and shows and returns what it prints to its standard output.
    ///
    /// # Errors
    /// Returns an error if the command cannot be run or fails.
    pub(super) async fn run(&self, path: &OsStr) -> Result<String, Error> {
        let failed =
            |error: std::io::Error| Error::start(format!("Cannot run {}: {error}", self.program));
        let mut command = Command::new(super::tools::find(self.program, path)?);
        command.env("PATH", path).current_dir(crate::workspace::root()).stdout(Stdio::piped());
        for argument in &self.arguments {
            match argument {
                Argument::Public(text) => command.arg(text),
                Argument::Secret { name, value } => command.arg(format!("{name}={value}")),
            };
        }
        // A plugin may ask which store to use.
        command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::inherit() });
        let mut process = command.kill_on_drop(true).spawn().map_err(failed)?;
        if let (Some((input, _)), Some(mut stdin)) = (&self.input, process.stdin.take()) {
            stdin.write_all(input.as_bytes()).await.map_err(failed)?;
        }
        let mut output = Vec::new();
        if let Some(mut stdout) = process.stdout.take() {
            let mut part = [0; 4096];
            loop {
                match stdout.read(&mut part).await.map_err(failed)? {
                    0 => break,
                    read => {
                        let part = part.get(..read).unwrap_or_default();
                        print!("{}", self.without_secrets(&String::from_utf8_lossy(part)));
                        output.extend_from_slice(part);
                    }
                }
            }
        }
        let status = process.wait().await.map_err(failed)?;
        if !status.success() {
            return Err(Error::start(format!(
                "`{self}` failed ({status}). When you have fixed that, run the same command again: \
                 it goes on from there."
            )));
        }
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    fn without_secrets(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for argument in &self.arguments {
            if let Argument::Secret { name, value } = argument {
                text = text.replace(value.as_str(), &format!("<{name}>"));
            }
        }
        text
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program)?;
        for argument in &self.arguments {
            match argument {
                Argument::Public(text) if text.contains([' ', '"', '$', '{', '\n']) => {
                    write!(f, " '{text}'")?;
                }
                Argument::Public(text) => write!(f, " {text}")?,
                Argument::Secret { name, .. } => write!(f, " {name}=<{name}>")?,
            }
        }
        match &self.input {
            Some((_, what)) => write!(f, "  # with {what} on its standard input"),
            None => Ok(()),
        }
    }
}
