//! Undoes what the set-up did to the tenant, and nothing else, and removes its environment file.

use super::{
    env::EnvFile,
    run::put,
    state::{self, Changed, Made, State},
    steps::{MARK, action_mark},
};
use crate::{
    Error, cli,
    management::{Management, Refusal, segment},
};
use serde_json::{Value, json};

/// Undoes the set-up, or says what would be undone.
///
/// # Errors
/// Returns an error if something could not be undone.
pub(super) async fn run(options: &cli::Teardown) -> Result<(), Error> {
    let path = state::path(&options.env_file);
    let Some((tenant, audience)) = State::subject(&path)? else {
        println!(
            "Nothing to undo: there is no {}, in which the set-up remembers what it made.",
            path.display()
        );
        return Ok(());
    };
    let env = EnvFile::open(&options.env_file)?;
    let state = State::read(path, &tenant, &audience)?;
    let management = super::management(&options.access, &tenant).await?;
    undo(&management, state, env, options.yes).await
}

/// Undoes what is remembered, the last first.
pub(super) async fn undo(
    management: &Management,
    mut state: State,
    env: EnvFile,
    apply: bool,
) -> Result<(), Error> {
    let (tenant, audience) = (state.tenant.clone(), state.audience.clone());
    println!("Undoing the set-up of {audience} at {tenant}.\n");
    let mut problems = Vec::new();
    for changed in state.changed.clone().into_iter().rev() {
        match restore(management, &changed, apply).await {
            Ok(text) => {
                println!("  {text}");
                if apply {
                    state.changed.retain(|one| *one != changed);
                    state.write()?;
                }
            }
            Err(refusal) => problems.push(format!("{}: {refusal}", changed.path)),
        }
    }
    for made in state.made.clone().into_iter().rev() {
        match delete(management, &made, &audience, apply).await {
            Ok(text) => {
                println!("  {text}");
                if apply {
                    state.made.retain(|one| *one != made);
                    state.write()?;
                }
            }
            Err(refusal) => problems.push(format!("{} {}: {refusal}", made.kind, made.id)),
        }
    }
    if !problems.is_empty() {
        return Err(Error::flow(format!(
            "Not everything was undone. Run the command again when this is fixed:\n  {}",
            problems.join("\n  ")
        )));
    }
    let name = env.path().display().to_string();
    if apply {
        state.left_out.clear();
        state.write()?;
        env.remove()?;
        println!("  Removed {name}");
        println!("\nDone.");
    } else {
        println!("  Would remove {name}, with what you added to it");
        println!("\nNothing was changed. `--yes` does it.");
    }
    Ok(())
}

/// Deletes an object, if it is still the one that the set-up made.
async fn delete(
    management: &Management,
    made: &Made,
    audience: &str,
    apply: bool,
) -> Result<String, Refusal> {
    let (kind, id) = (made.kind.as_str(), made.id.as_str());
    let rows = match kind {
        "log-streams" => {
            let rows = management.get(kind).await?;
            rows.as_array().cloned().unwrap_or_default()
        }
        "actions/actions" => management.list("actions/actions", "actions").await?,
        _ => management.list(kind, &kind.replace('-', "_")).await?,
    };
    let member = if kind == "clients" { "client_id" } else { "id" };
    let Some(object) = rows.iter().find(|row| row[member] == id) else {
        return Ok(format!("Gone already: {}", made.what));
    };
    let is_ours = match kind {
        "clients" => {
            object["client_metadata"][MARK].as_str().is_some_and(|mark| {
                mark == audience || mark.strip_prefix("connect ") == Some(audience)
            }) || object["external_client_id"].is_string()
        }
        "resource-servers" => object["identifier"] == audience,
        "actions/actions" => {
            object["code"].as_str().is_some_and(|code| code.contains(&action_mark(audience)))
        }
        // Their ids are the tenant's own, and nobody reuses them.
        _ => true,
    };
    if !is_ours {
        return Ok(format!("Left alone, because it was changed since: {}", made.what));
    }
    if !apply {
        return Ok(format!("Would undo: {}", made.what));
    }
    let force = if kind == "actions/actions" { "?force=true" } else { "" };
    management.send("DELETE", &format!("{kind}/{}{force}", segment(id)), None).await?;
    Ok(format!("Undid: {}", made.what))
}

/// Gives a setting its value back, if it still has the one that the set-up gave it.
async fn restore(
    management: &Management,
    changed: &Changed,
    apply: bool,
) -> Result<String, Refusal> {
    let name = format!("{}{}", changed.path, changed.member.replace('/', "."));
    let Some(object) = read(management, &changed.path).await? else {
        return Ok(format!("Gone already: {name}"));
    };
    let now = object.pointer(&changed.member).cloned().unwrap_or_default();
    if now == changed.before {
        return Ok(format!("As before already: {name}"));
    }
    if now != changed.after {
        return Ok(format!("Left alone, because it was changed since: {name}"));
    }
    let mut body = json!({});
    if changed.member == "/options/scope" {
        // `options` replaces all of them.
        put(&mut body, "/options", object["options"].clone());
    }
    // The tenant's settings have no `null`: a flag that was missing was off.
    let before = match (&changed.before, &changed.after) {
        (Value::Null, Value::Bool(_)) => json!(false),
        (Value::Null, Value::String(_)) => json!(""),
        (before, _) => before.clone(),
    };
    put(&mut body, &changed.member, before);
    if !apply {
        return Ok(format!("Would give {name} its value back"));
    }
    management.send("PATCH", &changed.path, Some(&body)).await?;
    Ok(format!("Gave {name} its value back"))
}

/// Reads an object. Some can only be found in a list.
async fn read(management: &Management, path: &str) -> Result<Option<Value>, Refusal> {
    let Some((kind, id)) =
        path.split_once('/').filter(|(kind, _)| matches!(*kind, "connections" | "client-grants"))
    else {
        return management.find(path).await;
    };
    let rows = management.list(kind, &kind.replace('-', "_")).await?;
    Ok(rows.into_iter().find(|row| row["id"].as_str().map(segment).as_deref() == Some(id)))
}
