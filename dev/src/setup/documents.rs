//! Client ID metadata documents, which the tenant imports: those of the clients that have one.

use super::{
    Wanted,
    run::{Run, Stop, Undo},
};
use crate::{Error, management::Refusal, providers::CLIENTS};
use serde_json::{Value, json};

/// The URL of a client's document. `client` is the name of one that is known, or a URL.
///
/// # Errors
/// Returns an error if it is neither.
pub(super) fn url(client: &str) -> Result<String, Error> {
    let known = CLIENTS.iter().find(|(name, _)| *name == client).map(|(_, url)| *url);
    match known.unwrap_or(client) {
        url if url.starts_with("https://") => Ok(url.to_owned()),
        other => Err(Error::usage(format!(
            "{other} is neither the https URL of a client ID metadata document nor one of {}.",
            CLIENTS.map(|(name, _)| name).join(", ")
        ))),
    }
}

/// Imports the documents that the tenant does not know. One that it refuses keeps no other from
/// being imported.
pub(super) async fn import(run: &mut Run<'_>, wanted: &Wanted) -> Result<(), Stop> {
    if wanted.imports.is_empty() {
        return Ok(());
    }
    let clients = run.management.list("clients", "clients").await?;
    let settings = run.management.get("tenants/settings").await?;
    // Before the setting is on, a tenant need not look at documents.
    let can_preview = settings["client_id_metadata_document_supported"] == true;
    for url in &wanted.imports {
        let what = format!("Import the client ID metadata document {url}");
        if let Some(known) = clients.iter().find(|one| one["external_client_id"] == url.as_str()) {
            run.state.adopt("clients", known["client_id"].as_str().unwrap_or_default(), &what)?;
            continue;
        }
        if let Err(refusal) = import_one(run, url, what, can_preview).await {
            refused(run, wanted, url, refusal)?;
        }
    }
    Ok(())
}

async fn import_one(
    run: &mut Run<'_>,
    url: &str,
    what: String,
    can_preview: bool,
) -> Result<(), Stop> {
    let body = json!({"external_client_id": url});
    if can_preview {
        let preview = run.management.send("POST", "clients/cimd/preview", Some(&body)).await?;
        let validation = &preview["validation"];
        if validation["valid"] == false {
            let violations = validation["violations"].as_array().into_iter().flatten();
            let violations: Vec<&str> = violations.filter_map(Value::as_str).collect();
            let message = violations.join("; ");
            return Err(Refusal::Status { status: 400, code: String::new(), message }.into());
        }
    }
    let undo = Undo::Delete("clients");
    run.change(what, "POST", "clients/cimd/register", body, undo).await.map(|_| ())
}

/// A document that somebody named has to be imported. The others are only tried.
fn refused(run: &mut Run<'_>, wanted: &Wanted, url: &str, stop: Stop) -> Result<(), Stop> {
    match stop {
        Stop::Refused(refusal @ Refusal::Status { status: 400 | 404 | 422, .. })
            if !wanted.imports_are_named =>
        {
            run.manual.push(format!(
                "The tenant does not import {url}: {refusal}. That client is refused as \"Unknown \
                 client\" while *Client ID Metadata Document Registration* is on, because it does \
                 not register then."
            ));
            Ok(())
        }
        Stop::Refused(Refusal::Status { status: 401 | 403 | 429, .. }) => Err(stop),
        stop => match run.ended(url, stop) {
            Ok(_) => Ok(()),
            Err(error) => Err(Stop::Here(error)),
        },
    }
}
