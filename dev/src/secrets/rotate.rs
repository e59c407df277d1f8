//! `secrets rotate`: replaces a secret. Where the tenant can know two, the old one is valid until
//! the server that runs has the new one.

use super::{REVOCATION, REVOCATION_PREVIOUS};
use crate::{
    Error, cli,
    http::Http,
    management::{Management, Refusal, segment},
    providers::CATEGORIES,
    setup::{self, EnvFile},
    variables::Variables,
};
use http::Request;
use serde_json::{Value, json};

/// Replaces a secret, in the tenant and in the file.
pub(super) async fn run(options: &cli::Rotate) -> Result<(), Error> {
    let env = EnvFile::open(&options.env_file)?;
    let domain = env.get("auth0_domain").map(str::to_owned).ok_or_else(|| {
        Error::usage(format!(
            "{} names no tenant: run the set-up first.",
            options.env_file.display()
        ))
    })?;
    let values =
        [("auth0_domain", Some(domain.as_str())), ("management_url", env.get("management_url"))];
    let values =
        values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    let origin = Variables::new(values.collect(), String::new()).tenant_origin();
    let management = setup::management(&options.access, &origin).await?;
    let server = env.get("public_url").unwrap_or_default().to_owned();
    rotate(options, env, &management, &server).await
}

/// `server` is where the server is reached.
async fn rotate(
    options: &cli::Rotate,
    env: EnvFile,
    management: &Management,
    server: &str,
) -> Result<(), Error> {
    match (options.kind, options.finish) {
        (cli::RotateKind::Client, false) => {
            let names = ("auth0_client_id", "auth0_client_secret");
            client_secret(env, management, names, "The server's secret").await
        }
        (cli::RotateKind::Connect, false) => {
            let names = ("connect_client_id", "connect_client_secret");
            client_secret(env, management, names, "The connect page's secret").await
        }
        (cli::RotateKind::Client | cli::RotateKind::Connect, true) => Err(Error::usage(
            "There is nothing to finish: Auth0 accepts the old secret of a client no more.",
        )),
        (cli::RotateKind::RevocationSecret, false) => revocation(env, management).await,
        (cli::RotateKind::RevocationSecret, true) => {
            finish_revocation(env, management, server).await
        }
        (cli::RotateKind::PrivateKey, false) => private_key(env, management).await,
        (cli::RotateKind::PrivateKey, true) => finish_private_key(&env, management).await,
    }
}

fn failed<'a>(env: &'a EnvFile, what: &'a str) -> impl Fn(Refusal) -> Error + 'a {
    move |refusal| {
        Error::flow(format!(
            "{what} was not replaced: {refusal}. {} is unchanged.",
            env.path().display()
        ))
    }
}

/// The id of an application.
fn client_id(env: &EnvFile, name: &str) -> Result<String, Error> {
    let id = env.get(name).map(str::to_owned);
    id.ok_or_else(|| Error::usage(format!("{} has no `{name}`.", env.path().display())))
}

/// Replaces the secret of an application. Auth0 accepts one at a time.
async fn client_secret(
    mut env: EnvFile,
    management: &Management,
    (id, secret): (&str, &str),
    what: &str,
) -> Result<(), Error> {
    let client = client_id(&env, id)?;
    let rotation = format!("clients/{}/rotate-secret", segment(&client));
    let answer = management.send("POST", &rotation, None).await.map_err(failed(&env, what))?;
    let value = answer["client_secret"].as_str().unwrap_or_default();
    if value.is_empty() {
        return Err(Error::flow(format!(
            "{what} was replaced, but the tenant did not return the new one: the token lacks \
             read:client_keys. Copy it from Dashboard, Applications."
        )));
    }
    env.set(secret, value);
    env.write()?;
    println!(
        "{what} was replaced, and {} has the new one. The tenant does not accept the old one any \
         more: deploy the server now. What it has cached serves it for some minutes.",
        env.path().display()
    );
    Ok(())
}

/// The log streams to the server.
async fn streams(env: &EnvFile, management: &Management) -> Result<Vec<Value>, Refusal> {
    let endpoint = format!("{}/revoke", env.get("public_url").unwrap_or_default());
    let mut streams = management.get("log-streams").await?.as_array().cloned().unwrap_or_default();
    streams.retain(|stream| stream["sink"]["httpEndpoint"] == endpoint.as_str());
    Ok(streams)
}

fn sends(stream: &Value, secret: &str) -> bool {
    stream["sink"]["httpAuthorization"] == format!("Bearer {secret}")
}

/// Replaces the secret of the log stream: a second stream sends everything with the new one. One of
/// the two is refused, before and after the server gets the new secret. While instances with either
/// secret run behind one balancer, both deliveries of an event may meet the wrong one. The server
/// gets the old secret as well, to open what was stored under it.
async fn revocation(mut env: EnvFile, management: &Management) -> Result<(), Error> {
    const WHAT: &str = "The revocation secret";
    let streams = streams(&env, management).await.map_err(failed(&env, WHAT))?;
    if streams.len() > 1 || env.get(REVOCATION_PREVIOUS).is_some() {
        return Err(Error::usage(
            "The last rotation is not finished: there is a previous secret, or a second log stream. \
             Run the same command with `--finish` first.",
        ));
    }
    let secret = setup::random_secret()?;
    let previous = env.get(REVOCATION).map(str::to_owned);
    // The file first: a secret that only the tenant knows could not be deployed.
    env.set(REVOCATION, &secret);
    env.set(REVOCATION_PREVIOUS, previous.as_deref().unwrap_or_default());
    env.write()?;
    let file = env.path().display();
    let Some(stream) = streams.first() else {
        println!(
            "{WHAT} was replaced in {file}. The tenant has no log stream to the server ({}).",
            CATEGORIES.join(", ")
        );
        println!("{NEXT}");
        return Ok(());
    };
    let mut sink = stream["sink"].clone();
    sink["httpAuthorization"] = json!(format!("Bearer {secret}"));
    let second = json!({
        "name": "Doorward, new secret", "type": "http", "sink": sink, "filters": stream["filters"],
    });
    match management.send("POST", "log-streams", Some(&second)).await {
        Ok(_) => println!("{WHAT} was replaced in {file}, and a second log stream sends it."),
        // A tenant may have as many streams as its plan allows.
        Err(Refusal::Status { status: 400..=409, message, .. }) => {
            let path = format!("log-streams/{}", segment(id(stream)));
            let body = json!({ "sink": second["sink"] });
            management.send("PATCH", &path, Some(&body)).await.map_err(|refusal| {
                Error::flow(format!(
                    "{file} has a new revocation secret, but the log stream still sends the old one: \
                     {refusal}. Run `cargo run -- tenant setup --yes` when this is fixed."
                ))
            })?;
            println!(
                "{WHAT} was replaced, in {file} and in the log stream. The tenant has no room for a \
                 second stream ({message}), so deploy the server now: until then events are refused."
            );
        }
        Err(refusal) => {
            return Err(Error::flow(format!(
                "{file} has a new revocation secret, but no log stream sends it: {refusal}. Run \
                 `cargo run -- tenant setup --yes` when this is fixed."
            )));
        }
    }
    println!("{NEXT}");
    Ok(())
}

/// What is done after the secret of the log stream was replaced.
const NEXT: &str = "Deploy the server with both secrets. When no instance is left that has only the \
                    old one, run the same command with `--finish`. Nobody is signed out.";

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap_or_default()
}

/// Has the server seal its records under the new secret, and deletes the log stream with the old
/// one, if there is one with the new one.
async fn finish_revocation(
    mut env: EnvFile,
    management: &Management,
    server: &str,
) -> Result<(), Error> {
    let undone = |refusal: Refusal| Error::flow(format!("Nothing was ended: {refusal}."));
    let secret = env.get(REVOCATION).unwrap_or_default().to_owned();
    let is_changing = env.get(REVOCATION_PREVIOUS).is_some();
    let (new, old): (Vec<_>, Vec<_>) = streams(&env, management)
        .await
        .map_err(undone)?
        .into_iter()
        .partition(|stream| sends(stream, &secret));
    if secret.is_empty() || new.is_empty() && (!is_changing || !old.is_empty()) {
        return Err(Error::usage(format!(
            "No log stream sends the secret of {}: there is nothing to finish.",
            env.path().display()
        )));
    }
    if is_changing {
        reseal(server, &secret).await?;
    }
    for stream in &old {
        let path = format!("log-streams/{}", segment(id(stream)));
        management.send("DELETE", &path, None).await.map_err(undone)?;
    }
    if !new.is_empty() {
        println!("One log stream is left, which sends the secret of {}.", env.path().display());
    }
    if is_changing {
        env.set(REVOCATION_PREVIOUS, "");
        env.write()?;
        println!(
            "The server's records open under the new secret, and {} has the old one no more. Deploy \
             the server once more, so that it forgets the old one. If instances with either secret \
             ran side by side, an event may have met the wrong one twice: docs/secrets.md, Events of \
             a rollout, says how it is sent again.",
            env.path().display()
        );
    }
    Ok(())
}

/// Has the server that runs seal its records under the secret that it has now.
async fn reseal(server: &str, secret: &str) -> Result<(), Error> {
    let url = format!("{server}/revoke");
    let request = Request::post(&url)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {secret}"));
    let undone = |problem: String| {
        Err(Error::flow(format!("Nothing was ended: {problem} Run the same command again then.")))
    };
    let http = Http::new().map_err(|error| Error::start(error.to_string()))?;
    match http.send(request, json!({ "reseal": true }).to_string()).await {
        Ok(response) if response.status == 200 => Ok(()),
        Ok(response) if [401, 404].contains(&response.status) => {
            undone(format!("{url} does not accept the new secret. Deploy the server with it."))
        }
        Ok(response) => undone(format!(
            "{url} cannot seal its records under the new secret: {}. The server's log says why.",
            response.describe()
        )),
        Err(error) => undone(format!("{url} does not answer: {error}. Start the server.")),
    }
}

/// The path of the application, and the credentials that it has.
async fn credentials(
    env: &EnvFile,
    management: &Management,
) -> Result<(String, Vec<Value>), Error> {
    let path = format!("clients/{}", segment(&client_id(env, "auth0_client_id")?));
    let known = management.get(&format!("{path}/credentials")).await;
    let known = known.map_err(|refusal| Error::flow(format!("Nothing was changed: {refusal}.")))?;
    Ok((path, known.as_array().cloned().unwrap_or_default()))
}

fn methods(credentials: &[&Value]) -> Value {
    let ids: Vec<Value> = credentials.iter().map(|one| json!({"id": one["id"]})).collect();
    json!({"client_authentication_methods": {"private_key_jwt": {"credentials": ids}}})
}

/// Adds a second key, which the tenant accepts beside the first one.
async fn private_key(mut env: EnvFile, management: &Management) -> Result<(), Error> {
    const WHAT: &str = "The private key";
    if env.get("auth0_client_private_key").is_none() {
        return Err(Error::usage(format!(
            "{} has no private key: `cargo run -- secrets generate private_key` makes the first one.",
            env.path().display()
        )));
    }
    let (path, known) = credentials(&env, management).await?;
    if known.len() > 1 {
        return Err(Error::usage(
            "The application has two keys: end the last rotation first, by `--finish`.",
        ));
    }
    let (private, public) = doorward_tenant::rsa_key_pair()
        .map_err(|error| Error::start(format!("No key can be made: {error}")))?;
    let body = json!({
        "credential_type": "public_key", "name": "Doorward", "pem": public, "alg": "RS256",
    });
    let added = management.send("POST", &format!("{path}/credentials"), Some(&body)).await;
    let added = added.map_err(failed(&env, WHAT))?;
    let all: Vec<&Value> = known.iter().chain([&added]).collect();
    let enabled = management.send("PATCH", &path, Some(&methods(&all))).await;
    if let Err(refusal) = enabled {
        // Nobody has its private half yet.
        let unused = format!("{path}/credentials/{}", segment(id(&added)));
        let _ = management.send("DELETE", &unused, None).await;
        return Err(failed(&env, WHAT)(refusal));
    }
    env.set("auth0_client_private_key", &private.trim().replace('\n', "\\n"));
    env.set("auth0_client_private_key_id", added["kid"].as_str().unwrap_or_default());
    env.set("auth0_client_private_key_algorithm", "");
    env.write()?;
    println!(
        "{WHAT} was replaced in {}, and the tenant accepts both. Deploy the server, then run the \
         same command with `--finish`.",
        env.path().display()
    );
    Ok(())
}

/// Leaves the application the key of the file alone.
async fn finish_private_key(env: &EnvFile, management: &Management) -> Result<(), Error> {
    let (path, known) = credentials(env, management).await?;
    let kid = env.get("auth0_client_private_key_id").unwrap_or_default();
    let (new, old): (Vec<_>, Vec<_>) = known.iter().partition(|one| one["kid"] == kid);
    if new.is_empty() || kid.is_empty() {
        return Err(Error::usage(format!(
            "The application has no key with the id of {}: there is nothing to finish.",
            env.path().display()
        )));
    }
    let undone = |refusal: Refusal| Error::flow(format!("Nothing was ended: {refusal}."));
    management.send("PATCH", &path, Some(&methods(&new))).await.map_err(undone)?;
    for one in old {
        let path = format!("{path}/credentials/{}", segment(id(one)));
        management.send("DELETE", &path, None).await.map_err(undone)?;
    }
    println!("The application accepts only the key of {} now.", env.path().display());
    Ok(())
}

#[cfg(test)]
mod tests;
