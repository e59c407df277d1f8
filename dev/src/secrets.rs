//! `secrets`: checks, makes and replaces the secrets of a server. None is ever printed.

mod rotate;

use crate::{
    Error,
    cli::{self, SecretKind},
    setup::{self, EnvFile},
    variables::{SECRETS, Variables},
};
use std::{fs, path::Path, process::Command};

/// The shortest secret that the server accepts.
pub(crate) const LENGTH: usize = 32;

/// What secrets begin with that are in the source of this repository.
const PUBLISHED: &str = "local-only-";

/// Secrets of any length: other servers and issuers make them. And the key, which has another form.
const ANY_LENGTH: [&str; 3] =
    ["auth0_client_private_key", "introspection_client_secret", "upstream_secrets"];

/// The secret of the log stream, and the one before it while it is replaced.
const REVOCATION: &str = "revocation_secret";
const REVOCATION_PREVIOUS: &str = "revocation_secret_previous";

/// Runs a command about secrets.
///
/// # Errors
/// Returns an error if a secret is not as it should be, or cannot be made or replaced.
pub async fn run(command: &cli::SecretsCommand) -> Result<(), Error> {
    match command {
        cli::SecretsCommand::Check { env_file } => check(env_file),
        cli::SecretsCommand::Generate { kind, env_file } => generate(*kind, env_file),
        cli::SecretsCommand::Rotate(options) => rotate::run(options).await,
        cli::SecretsCommand::Convert { from, env_file } => convert(from, env_file),
    }
}

/// Checks the file and its secrets, without asking anybody.
fn check(path: &Path) -> Result<(), Error> {
    let variables = Variables::at_hand(Some(path))?;
    let variables = variables.ok_or_else(|| Error::usage("There are no variables."))?;
    let mut problems = Vec::new();
    if let Some(problem) = readable(path) {
        problems.push(problem);
    }
    if let Some(problem) = committed(path) {
        problems.push(problem);
    }
    problems.extend(weak(&variables));
    let given = SECRETS.iter().filter(|name| variables.get(name).is_some()).count();
    if problems.is_empty() {
        println!("{}: {given} secrets, all as they should be.", path.display());
        println!("`cargo run -- check --env-file {}` also tries them.", path.display());
        return Ok(());
    }
    for problem in &problems {
        println!("  ✗ {problem}");
    }
    Err(Error::flow(match problems.len() {
        1 => "One thing is wrong with the secrets.".to_owned(),
        count => format!("{count} things are wrong with the secrets."),
    }))
}

fn weak(variables: &Variables) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, name) in SECRETS.iter().enumerate() {
        let Some(secret) = variables.get(name) else { continue };
        if is_short(name, secret) {
            problems.push(format!("`{name}` has fewer than {LENGTH} characters: {}", fix(name)));
        }
        if is_published(secret) && !variables.is_loopback() {
            problems.push(format!("`{name}` is published with this code: {}", fix(name)));
        }
        let same = SECRETS.iter().take(index).find(|other| variables.get(other) == Some(secret));
        if let Some(other) = same.filter(|_| !is_published(secret)) {
            problems.push(format!("`{name}` is the same as `{other}`: {}", fix(name)));
        }
    }
    if variables.get("auth0_client_secret").is_some()
        && variables.get("auth0_client_private_key").is_some()
    {
        problems.push("There are a secret and a private key: remove one of them".to_owned());
    }
    problems
}

/// Whether the server refuses to start with a secret, because it is too short.
pub(crate) fn is_short(name: &str, secret: &str) -> bool {
    secret.len() < LENGTH && !ANY_LENGTH.contains(&name)
}

/// Whether a secret, or one in a JSON object of secrets, is in the source of this repository.
pub(crate) fn is_published(secret: &str) -> bool {
    secret.contains(PUBLISHED)
}

/// What to do about a secret that cannot stay.
pub(crate) fn fix(name: &str) -> &'static str {
    match name {
        "auth0_client_secret" => "cargo run -- secrets rotate client",
        "auth0_client_private_key" => "cargo run -- secrets rotate private_key",
        "connect_client_secret" => "cargo run -- secrets rotate connect",
        REVOCATION => "cargo run -- secrets rotate revocation_secret",
        REVOCATION_PREVIOUS => {
            "remove it, or `cargo run -- secrets rotate revocation_secret --finish`"
        }
        "server_secret" => "remove it, then `cargo run -- secrets generate server_secret`",
        "management_client_secret" => "rotate it in Dashboard, Applications",
        "introspection_client_secret" => "have the issuer make another one",
        _ => "have each server that it is for make another one",
    }
}

/// Whether others on this machine may read the file.
#[cfg(unix)]
fn readable(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o077;
    let text = format!("Others may read {0}: chmod 600 {0}", path.display());
    (mode != 0).then_some(text)
}

#[cfg(not(unix))]
fn readable(_: &Path) -> Option<String> {
    None
}

/// Whether git would commit the file.
fn committed(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let status = Command::new("git")
        .arg("-C")
        .arg(folder.unwrap_or(Path::new(".")))
        .args(["check-ignore", "--quiet"])
        .arg(path.file_name()?)
        .status()
        .ok()?;
    // 1: not ignored; 128: not in a repository.
    (status.code() == Some(1)).then(|| format!("git does not ignore {}", path.display()))
}

/// Makes a secret that is not there yet.
fn generate(kind: SecretKind, path: &Path) -> Result<(), Error> {
    if kind == SecretKind::PrivateKey {
        return private_key(path);
    }
    let (name, what, next) = match kind {
        SecretKind::ServerSecret => {
            ("server_secret", "server's own secret", "Deploy the server with it.")
        }
        _ => (
            "revocation_secret",
            "revocation secret",
            "Deploy the server with it, and `cargo run -- tenant setup` makes the log stream.",
        ),
    };
    let mut env = EnvFile::open(path)?;
    if env.get(name).is_some() {
        return Err(Error::usage(format!("{} has a {what}: {}.", path.display(), fix(name))));
    }
    env.set(name, &setup::random_secret()?);
    env.write()?;
    println!("{} has a {what} now.", path.display());
    println!("{next}");
    Ok(())
}

/// Makes a key in a file of its own, and prints its public half. Auth0 takes no P-256 keys.
fn private_key(env_file: &Path) -> Result<(), Error> {
    let mut name = env_file.file_name().unwrap_or_default().to_owned();
    name.push(".private-key");
    let path = env_file.with_file_name(name);
    if path.exists() {
        return Err(Error::usage(format!("{} exists, and is left alone.", path.display())));
    }
    let (private, public) = doorward_tenant::rsa_key_pair()
        .map_err(|error| Error::start(format!("No key can be made: {error}")))?;
    let mut file = EnvFile::open(&path)?;
    file.set("auth0_client_private_key", &private.trim().replace('\n', "\\n"));
    file.write()?;
    println!(
        "The private key is in {key}. Its public half, for the tenant:\n\n{public}\n\
         1. Dashboard, Applications, your application, Credentials: add this key, with RS256.\n\
         2. Move the line of {key} into {env}, and remove SPIN_VARIABLE_AUTH0_CLIENT_SECRET from it.\n\
         3. In the same place select Private Key JWT, deploy the server at once, and `cargo run -- \
         check`. The tenant accepts the secret until then, and the key from then on.",
        key = path.display(),
        env = env_file.display(),
    );
    Ok(())
}

/// Writes the variables of another server's environment file under Spin's names.
fn convert(from: &Path, to: &Path) -> Result<(), Error> {
    let mut env = EnvFile::open(to)?;
    let tenant = crate::env_file::read(from)?;
    for (name, value) in &tenant.variables {
        env.set(name, &value.replace('\n', "\\n"));
    }
    if let Some(port) = tenant.port {
        env.set_plain("PORT", &port.to_string());
    }
    env.write()?;
    println!("{} has the variables of {} under Spin's names.", to.display(), from.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn variables(entries: &[(&str, &str)]) -> Variables {
        let pairs = entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Variables::new(pairs.collect::<BTreeMap<_, _>>(), String::new())
    }

    #[test]
    fn weak_secrets_are_named_and_not_shown() {
        let long = "a-secret-that-is-long-enough-to-be-one";
        let public = ("public_url", "https://mcp.example.com");
        for (entries, expected) in [
            (vec![("auth0_client_secret", "hunter2")], "fewer than 32"),
            (vec![("auth0_client_secret", "local-only-secret-that-everybody-knows")], "published"),
            (vec![("auth0_client_secret", long), ("revocation_secret", long)], "the same as"),
            (vec![("auth0_client_secret", long), ("auth0_client_private_key", "k")], "remove one"),
            (vec![("introspection_client_secret", "local-only-hunter2")], "published"),
            (vec![("upstream_secrets", r#"{"w":"local-only-hunter2"}"#)], "published"),
            (vec![("revocation_secret_previous", "hunter2")], "fewer than 32"),
        ] {
            let problems = weak(&variables(&[&entries[..], &[public]].concat()));
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].contains(expected), "{problems:?}");
            assert!(
                !problems[0].contains("hunter2") && !problems[0].contains(long),
                "{problems:?}"
            );
        }
        let others = [("introspection_client_secret", "i"), ("upstream_secrets", r#"{"w":"u"}"#)];
        assert!(weak(&variables(&[&others[..], &[public]].concat())).is_empty(), "any length");
        assert!(weak(&variables(&[("auth0_client_secret", long), public])).is_empty());
    }

    #[test]
    fn a_secret_is_made_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(".env");
        generate(SecretKind::RevocationSecret, &path).expect("it is made");
        let first = fs::read_to_string(&path).expect("it is written");
        assert!(generate(SecretKind::RevocationSecret, &path).is_err());
        assert_eq!(fs::read_to_string(&path).ok(), Some(first));
    }

    #[test]
    fn a_private_key_is_made_in_a_file_of_its_own() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(".env");
        generate(SecretKind::PrivateKey, &path).expect("it is made");
        let file = EnvFile::open(&folder.path().join(".env.private-key")).expect("it is written");
        let key = file.get("auth0_client_private_key").expect("it has the key");
        assert!(key.starts_with("-----BEGIN PRIVATE KEY-----\\n"), "a key in one line");
        assert!(generate(SecretKind::PrivateKey, &path).is_err(), "the second is refused");
        assert!(!path.exists());
    }

    #[test]
    fn a_file_of_another_server_is_converted() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (from, to) = (folder.path().join("old"), folder.path().join(".env"));
        let text = "DOMAIN=t.example\nAUDIENCE=http://localhost:3001/mcp\nCLIENT_ID=id\n\
                    CLIENT_SECRET=hunter2\nBASE_URL=http://localhost:3001\nPORT=3001\n";
        fs::write(&from, text).expect("it is written");
        convert(&from, &to).expect("it is converted");
        let env = EnvFile::open(&to).expect("it is written");
        assert_eq!(env.get("auth0_client_secret"), Some("hunter2"));
        assert_eq!(env.get("public_url"), Some("http://localhost:3001"));
    }
}
