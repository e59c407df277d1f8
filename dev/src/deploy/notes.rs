//! What a user is told about the environment file: what of it is not used, and what it lacks.

use super::Deployment;
use crate::cli::Target;

/// The secret and the private key of the server's application, which needs one of them.
const CREDENTIALS: [&str; 2] = ["auth0_client_secret", "auth0_client_private_key"];

/// The variables of the file that depend on the URL, and are therefore not taken from it.
#[derive(Default)]
pub(super) struct OfUrl {
    pub(super) public_url: Option<String>,
    pub(super) audience: Option<String>,
}

impl OfUrl {
    /// What is not used, if the server's URL is this one, or not known yet.
    pub(super) fn unused(&self, url: Option<&str>) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(public_url) = self.public_url.as_deref().filter(|it| Some(*it) != url) {
            notes.push(match public_url.starts_with("https://") {
                true => {
                    format!("The file's public_url is not used; --url {public_url} uses it.")
                }
                false => {
                    "The file's public_url is not used: it does not begin with https://.".to_owned()
                }
            });
        }
        let of_url = url.map(|url| format!("{url}/mcp"));
        if self.audience.is_some() && self.audience != of_url {
            let becomes = of_url.unwrap_or_else(|| "the URL with /mcp".to_owned());
            notes.push(format!(
                "The file's auth0_audience is not used: the audience will be {becomes}."
            ));
        }
        notes
    }
}

impl Deployment<'_> {
    /// The names of the secrets in the file.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let secrets = self.settings.iter().filter(|it| it.is_secret);
        secrets.map(|it| it.name.as_str()).collect()
    }

    /// What is to be known before anything is deployed.
    pub(super) fn notes(&self, url: Option<&str>) -> Vec<String> {
        let mut notes = self.of_url.unused(url);
        let missing = self.missing_secrets();
        if self.options.target == Target::Kube && !missing.is_empty() {
            notes.push(format!(
                "{} has no {}: the secret `doorward` of the cluster must have it already, or no pod \
                 starts.",
                self.options.env_file.display(),
                missing.join(" and no ")
            ));
        }
        notes
    }

    /// The secrets that a deployment should have, as `deploy/kube/` names them, and the file lacks.
    fn missing_secrets(&self) -> Vec<&'static str> {
        let has = |name: &str| self.settings.iter().any(|it| it.name == name);
        let mut missing: Vec<_> =
            ["server_secret", "revocation_secret"].into_iter().filter(|name| !has(name)).collect();
        if self.lacks_credential() {
            missing.insert(0, "auth0_client_secret");
        }
        missing
    }

    /// How to set the secrets that the file lacks, where only the user can do that.
    pub(super) fn reminder(&self) -> Option<String> {
        if !self.lacks_credential() {
            return None;
        }
        let missing = self.missing_secrets();
        let each = |start: &str| missing.iter().map(|name| format!("{start} {name}=…")).collect();
        let command = match self.options.target {
            Target::Cloud => {
                let commands: Vec<String> = each("spin cloud variables set --app doorward");
                commands.join(" && ")
            }
            Target::Aka => {
                let variables: Vec<String> = each("--variable");
                let manifest = self.plan().manifest;
                format!("spin aka deploy -f {} {}", manifest.display(), variables.join(" "))
            }
            Target::Kube => return None,
        };
        let names = missing.join(" and ");
        Some(format!("Now set {names} yourself, unless that is done: {command}"))
    }

    fn lacks_credential(&self) -> bool {
        !self.settings.iter().any(|it| CREDENTIALS.contains(&it.name.as_str()))
    }
}
