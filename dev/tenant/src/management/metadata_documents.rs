//! `clients/cimd`: client ID metadata documents, which an administrator imports.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::body::{object, required};
use super::{Error, bearer};
use crate::authorize::is_registrable;
use crate::random;
use crate::seed::{AppType, Client, ClientAuth, Seed};
use crate::state::App;
use crate::token::grant;

/// The limit of the URL's length.
const MAX_URL_BYTES: usize = 120;

/// What a document is mapped to, or what is wrong with it.
struct Mapped {
    client: Client,
    violations: Vec<String>,
    warnings: Vec<String>,
}

/// `POST /clients/cimd/preview`.
pub(super) async fn preview(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["create:clients"])?;
    let url = url(&body)?;
    let mapped = read(&app.store().directory, &url)?;
    Ok(Json(view(&mapped)))
}

/// `POST /clients/cimd/register`: creates the client, or updates it from its document.
pub(super) async fn register(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Error> {
    let url = url(&body)?;
    let mut store = app.store();
    let known = store.directory.client(&url).cloned();
    drop(store);
    match &known {
        Some(_) => bearer::check(&app, &headers, &["update:clients"])?,
        None => bearer::check(&app, &headers, &["create:clients"])?,
    }
    store = app.store();
    if !store.settings().client_id_metadata_documents {
        return Err(Error::Operation(
            "Client ID Metadata Document Registration is not enabled for this tenant.".to_owned(),
        ));
    }
    let mut mapped = read(&store.directory, &url)?;
    if !mapped.violations.is_empty() {
        return Err(Error::InvalidBody(mapped.violations.join("; ")));
    }
    let status = match known {
        Some(known) => {
            mapped.client.management_id = known.management_id;
            mapped.client.client_metadata = known.client_metadata;
            StatusCode::OK
        }
        None => StatusCode::CREATED,
    };
    let mut answer = view(&mapped);
    crate::json::put(&mut answer, "client_id", json!(mapped.client.management_id));
    store.directory.clients.retain(|client| client.client_id != url);
    store.directory.clients.push(mapped.client);
    Ok((status, Json(answer)))
}

/// Reads the request, and checks the URL.
fn url(body: &Bytes) -> Result<String, Error> {
    let url: String = required(&object(body, &["external_client_id"])?, "external_client_id")?;
    let invalid =
        |what: &str| Err(Error::InvalidBody(format!("'{what}' on property external_client_id")));
    let parsed = match url::Url::parse(&url) {
        Ok(parsed) if parsed.scheme() == "https" => parsed,
        _ => return invalid("The URL must use the https:// scheme"),
    };
    if matches!(parsed.host_str(), None | Some("localhost" | "127.0.0.1" | "[::1]")) {
        return invalid("localhost is not allowed");
    }
    if matches!(parsed.path(), "" | "/") {
        return invalid("The URL must contain a path beyond the root");
    }
    if parsed.query().is_some() || parsed.fragment().is_some() || !parsed.username().is_empty() {
        return invalid("The URL must not contain credentials, a query or a fragment");
    }
    if url.len() > MAX_URL_BYTES {
        return invalid("The URL must not be longer than 120 bytes");
    }
    Ok(url)
}

/// Reads the document at a URL.
fn read(directory: &Seed, url: &str) -> Result<Mapped, Error> {
    let mut documents = directory.metadata_documents.iter();
    let document = documents.find(|document| document.url == url).ok_or_else(|| {
        Error::Operation(format!("The Client ID Metadata Document could not be fetched: {url}"))
    })?;
    Ok(map(url, &document.document))
}

fn map(url: &str, document: &Map<String, Value>) -> Mapped {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let list = |name: &str| -> Vec<String> {
        let values = document.get(name).and_then(Value::as_array);
        values.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (mut violations, mut warnings) = (Vec::new(), Vec::new());
    if text("client_id") != Some(url) {
        violations.push("client_id must exactly match the URL of the document".to_owned());
    }
    let name = text("client_name").unwrap_or_default().to_owned();
    if name.is_empty() {
        violations.push("client_name must be a non-empty string".to_owned());
    }
    let (grant_types, others): (Vec<String>, Vec<String>) = list("grant_types")
        .into_iter()
        .partition(|one| matches!(one.as_str(), grant::CODE | grant::REFRESH));
    warnings.extend(others.iter().map(|one| format!("Grant type not supported: '{one}'")));
    if grant_types.is_empty() {
        violations.push("grant_types must include a supported type".to_owned());
    }
    let redirect_uris = list("redirect_uris");
    if redirect_uris.is_empty() || !redirect_uris.iter().all(|uri| is_registrable(uri)) {
        violations.push("redirect_uris must be unique HTTPS URIs".to_owned());
    }
    let app_type = match text("application_type") {
        Some("native") => AppType::Native,
        None | Some("web") => AppType::RegularWeb,
        Some(other) => {
            violations.push(format!("application_type is not supported: '{other}'"));
            AppType::RegularWeb
        }
    };
    let method = match text("token_endpoint_auth_method") {
        None | Some("none") => ClientAuth::None,
        Some("private_key_jwt") => {
            // The tenant fetches nothing, so it has no keys.
            violations.push("Private Key JWT is not available for this tenant".to_owned());
            ClientAuth::PrivateKeyJwt
        }
        Some(other) => {
            violations.push(format!("token_endpoint_auth_method is not supported: '{other}'"));
            ClientAuth::None
        }
    };
    let client = Client {
        client_id: url.to_owned(),
        management_id: Some(format!("tpc_{}", random::token(16))),
        client_secret: None,
        name,
        app_type,
        is_first_party: false,
        token_endpoint_auth_method: method,
        public_keys: Vec::new(),
        grant_types,
        redirect_uris,
        resource_server_identifier: None,
        connections: Vec::new(),
        token_exchange: Vec::new(),
        oidc_conformant: true,
        client_metadata: Default::default(),
    };
    Mapped { client, violations, warnings }
}

fn view(mapped: &Mapped) -> Value {
    let Mapped { client, violations, warnings } = mapped;
    json!({
        "mapped_fields": {
            "external_client_id": client.client_id,
            "name": client.name,
            "app_type": client.app_type,
            "callbacks": client.redirect_uris,
            "grant_types": client.grant_types,
            "token_endpoint_auth_method": client.token_endpoint_auth_method,
        },
        "validation": {
            "valid": violations.is_empty(),
            "violations": violations,
            "warnings": warnings,
        },
    })
}
