//! The steps of the set-up. Each reads what is there and changes what is missing or wrong.

use super::{
    ACCESS, DATABASE, Part, REGISTRATION, SIGN_IN, Wanted,
    env::EnvFile,
    run::{Run, Stop, Undo},
    state::PROMOTED,
};
use crate::{
    cli::Registration,
    management::segment,
    providers::{CALENDAR, CATEGORIES, CONNECT_SCOPES, DIALECT, GOOGLE, VAULT},
};
use serde_json::{Value, json};

/// The token exchange of RFC 8693.
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The member of `client_metadata` that marks what the set-up made.
pub(super) const MARK: &str = "doorward";

/// What stands for an id that only the set-up itself will know.
const LATER: &str = "<its id>";

/// The API.
pub(super) async fn api(run: &mut Run<'_>, wanted: &Wanted) -> Result<(), Stop> {
    let path = format!("resource-servers/{}", segment(&wanted.audience));
    let count = wanted.permissions.len();
    let what = format!("Create the API {} with {count} permissions", wanted.audience);
    let Some(api) = run.management.find(&path).await? else {
        // Nothing of the set-up is there: what no option names is decided now, and only now.
        let mut decisions = Vec::new();
        decisions.extend((wanted.registration != Some(Registration::None)).then_some(ACCESS));
        decisions.extend(wanted.sign_in.is_empty().then_some(SIGN_IN));
        decisions.extend(wanted.registration.is_none().then_some(REGISTRATION));
        run.begin(&decisions);
        let scopes: Vec<Value> = wanted
            .permissions
            .iter()
            .map(|(value, text)| json!({"value": value, "description": text}))
            .collect();
        let body = json!({
            "name": "Doorward",
            "identifier": wanted.audience,
            "signing_alg": "RS256",
            "token_dialect": DIALECT,
            "enforce_policies": true,
            "allow_offline_access": true,
            "scopes": scopes,
        });
        let undo = Undo::Delete("resource-servers");
        return run.change(what, "POST", "resource-servers", body, undo).await.map(|_| ());
    };
    let mut scopes = api["scopes"].as_array().cloned().unwrap_or_default();
    for (value, text) in &wanted.permissions {
        match scopes.iter_mut().find(|scope| scope["value"] == value.as_str()) {
            None => scopes.push(json!({"value": value, "description": text})),
            Some(scope) if scope["description"].as_str().is_none_or(str::is_empty) => {
                scope["description"] = json!(text);
            }
            Some(_) => {}
        }
    }
    let mut members = vec![
        // The API requires both at once: RBAC, and a dialect with permissions.
        ("/enforce_policies", json!(true)),
        ("/token_dialect", json!(DIALECT)),
        ("/scopes", json!(scopes)),
    ];
    if wanted.offline_access {
        members.push(("/allow_offline_access", json!(true)));
    }
    // PS256 and RS512 are as good; the server accepts what `token_algorithms` says.
    if !matches!(api["signing_alg"].as_str(), Some("RS256" | "PS256" | "RS512")) {
        members.push(("/signing_alg", json!("RS256")));
    }
    let id = api["id"].as_str().unwrap_or_default();
    run.state.adopt("resource-servers", id, &what)?;
    let own = run.state.has_made("resource-servers", id);
    // Auth0 replaces the whole object.
    let access = &api["subject_type_authorization"];
    let is_closed = access["user"]["policy"] == "deny_all";
    if is_closed && !opens(run, wanted) {
        run.kept.push(
            "The API refuses all tokens of users (`deny_all`). `--third-party-access` gives them to \
             applications that have a grant."
                .to_owned(),
        );
    } else if is_closed {
        let mut open = access.clone();
        // MCP clients have a grant. `allow_all` would also let in applications that have none.
        open["user"]["policy"] = json!("require_client_grant");
        let what = "Let applications that have a grant get tokens of users for the API, which \
                    refuses all of them now (`deny_all`)";
        let members = vec![("/subject_type_authorization", open)];
        run.correct(what, path.clone(), &api, members, own).await?;
    }
    run.correct("Correct the API", path, &api, members, own).await
}

/// The application that stands for the server. Its id is in the environment file afterwards.
pub(super) async fn application(
    run: &mut Run<'_>,
    wanted: &Wanted,
    env: &mut EnvFile,
) -> Result<(), Stop> {
    let clients = run.management.list("clients", "clients").await?;
    let found = clients.iter().find(|client| {
        client["app_type"] == "resource_server"
            && client["resource_server_identifier"] == wanted.audience.as_str()
    });
    let Some(client) = found else {
        let body = json!({
            "name": "Doorward",
            "app_type": "resource_server",
            "resource_server_identifier": wanted.audience,
            "grant_types": ["client_credentials", VAULT, EXCHANGE],
            "token_endpoint_auth_method": "client_secret_post",
            "oidc_conformant": true,
            "client_metadata": {MARK: wanted.audience},
        });
        let what = "Create the application of the server, with the Token Vault grant";
        let made = run.change(what, "POST", "clients", body, Undo::Delete("clients")).await?;
        return match made {
            Some(made) => credentials(run, env, &made, "auth0_client_id", "auth0_client_secret"),
            None => Ok(()),
        };
    };
    let own = own(run, client, &wanted.audience)?;
    let mut grants = client["grant_types"].as_array().cloned().unwrap_or_default();
    for grant in ["client_credentials", VAULT] {
        if !grants.iter().any(|known| known == grant) {
            grants.push(json!(grant));
        }
    }
    let id = client["client_id"].as_str().unwrap_or_default();
    let mut members = vec![
        ("/grant_types", json!(grants)),
        // The Token Vault refuses others.
        ("/is_first_party", json!(true)),
        ("/oidc_conformant", json!(true)),
    ];
    members.extend(authentication(client));
    let path = format!("clients/{}", segment(id));
    run.correct("Correct the application of the server", path, client, members, own).await?;
    secret(run, env, client, "auth0_client_id", "auth0_client_secret")
}

/// How an application authenticates that has no secret now.
fn authentication(client: &Value) -> Option<(&'static str, Value)> {
    let is_public = client["token_endpoint_auth_method"] == "none";
    is_public.then(|| ("/token_endpoint_auth_method", json!("client_secret_post")))
}

/// Remembers an application with the set-up's mark, if an earlier run was interrupted before it
/// could. Returns whether the set-up made it.
fn own(run: &mut Run<'_>, client: &Value, mark: &str) -> Result<bool, Stop> {
    if client["client_metadata"][MARK] != mark {
        return Ok(false);
    }
    let id = client["client_id"].as_str().unwrap_or_default();
    if run.apply && !run.state.has_made("clients", id) {
        let what = format!("the application {}", client["name"].as_str().unwrap_or_default());
        let made = super::state::Made { kind: "clients".to_owned(), id: id.to_owned(), what };
        run.state.make(made)?;
    }
    Ok(true)
}

/// Writes the id and the secret of a new application at once: nobody gets to see the secret again.
fn credentials(
    run: &mut Run<'_>,
    env: &mut EnvFile,
    client: &Value,
    id: &str,
    secret: &str,
) -> Result<(), Stop> {
    let value = client["client_secret"].as_str().unwrap_or_default();
    run.hidden.push(value.to_owned());
    env.set(id, client["client_id"].as_str().unwrap_or_default());
    env.set(secret, value);
    env.write().map_err(Stop::from)
}

/// Writes the id and the secret of an application that exists, if the secret can be read. The
/// server's application needs none if it has a private key.
fn secret(
    run: &mut Run<'_>,
    env: &mut EnvFile,
    client: &Value,
    id: &str,
    secret: &str,
) -> Result<(), Stop> {
    let client_id = client["client_id"].as_str().unwrap_or_default();
    let is_of_server = id == "auth0_client_id";
    if is_of_server && env.get("auth0_client_private_key").is_some() {
        if env.set(id, client_id) && run.apply {
            env.write()?;
        }
        return Ok(());
    }
    let is_known = env.get(id) == Some(client_id) && env.get(secret).is_some();
    match client["client_secret"].as_str() {
        Some(value) => {
            run.hidden.push(value.to_owned());
            let changes = env.set(id, client_id) | env.set(secret, value);
            if changes && run.apply {
                env.write()?;
            }
        }
        None if is_known => {}
        None => {
            env.set(id, client_id);
            run.manual.push(format!(
                "The secret of the application {client_id} cannot be read with this token (it lacks \
                 read:client_keys). Copy it from Dashboard, Applications into {} as \
                 SPIN_VARIABLE_{}.",
                env.path().display(),
                secret.to_uppercase()
            ));
        }
    }
    Ok(())
}

/// The scopes of the Management API that the server needs.
pub(super) async fn management(
    run: &mut Run<'_>,
    wanted: &Wanted,
    env: &EnvFile,
) -> Result<(), Stop> {
    let what = "the Management API, for the server";
    let client = env.get("management_client_id").or_else(|| env.get("auth0_client_id"));
    let who = Who::Client(client.map(str::to_owned));
    grant(run, what, &who, &wanted.management_audience, "client", &wanted.management_scopes).await
}

/// Whether this run may open the API to clients: the first one unless clients may not register, or
/// because an option says so.
fn opens(run: &Run<'_>, wanted: &Wanted) -> bool {
    wanted.access || (run.decides(ACCESS) && wanted.registration != Some(Registration::None))
}

/// The default grant of third-party clients.
pub(super) async fn third_parties(run: &mut Run<'_>, wanted: &Wanted) -> Result<(), Stop> {
    let scopes: Vec<String> = wanted.permissions.iter().map(|(value, _)| value.clone()).collect();
    if opens(run, wanted) {
        run.granted.clone_from(&scopes);
    } else {
        let path = format!("client-grants?audience={}", segment(&wanted.audience));
        let grants = run.management.list(&path, "client_grants").await?;
        let is_ours = |grant: &&Value| {
            Who::ThirdParties.has(grant)
                && grant["audience"] == wanted.audience.as_str()
                && grant["subject_type"] == "user"
        };
        let grant = grants.iter().find(is_ours);
        let (granted, missing): (Vec<_>, Vec<_>) =
            scopes.iter().cloned().partition(|scope| match grant {
                Some(grant) => grant["allow_all_scopes"] == true || has(&grant["scope"], scope),
                None => false,
            });
        run.granted = granted;
        if !missing.is_empty() {
            run.kept.push(match grant {
                Some(_) => format!(
                    "The default grant of third-party clients lacks {}: clients that nobody \
                     registered are not given it. `--third-party-access` grants it, for a new tool \
                     for example.",
                    missing.join(" ")
                ),
                None => {
                    "Third-party clients have no default grant for the API: clients that nobody \
                         registered get no token for it. `--third-party-access` makes the grant."
                        .to_owned()
                }
            });
            return Ok(run.decided(&[ACCESS])?);
        }
    }
    let what = "the API, for clients that register themselves";
    grant(run, what, &Who::ThirdParties, &wanted.audience, "user", &scopes).await?;
    Ok(run.decided(&[ACCESS])?)
}

fn has(list: &Value, member: &str) -> bool {
    list.as_array().is_some_and(|list| list.iter().any(|one| one == member))
}

/// Who a client grant is for.
enum Who {
    /// An application; `None` if it is still to be made.
    Client(Option<String>),
    ThirdParties,
}

impl Who {
    /// Whether a grant is for them.
    fn has(&self, grant: &Value) -> bool {
        match self {
            Self::Client(id) => grant["client_id"].as_str() == id.as_deref() && id.is_some(),
            Self::ThirdParties => grant["default_for"] == "third_party_clients",
        }
    }
}

async fn grant(
    run: &mut Run<'_>,
    what: &str,
    who: &Who,
    audience: &str,
    subject_type: &str,
    scopes: &[String],
) -> Result<(), Stop> {
    if scopes.is_empty() {
        return Ok(());
    }
    let path = format!("client-grants?audience={}", segment(audience));
    let grants = run.management.list(&path, "client_grants").await?;
    let found = grants.iter().find(|grant| {
        grant["audience"] == audience
            // Grants from before there were two kinds have none.
            && grant["subject_type"].as_str().unwrap_or("client") == subject_type
            && who.has(grant)
    });
    let create = format!("Grant {what}: {}", scopes.join(" "));
    let Some(found) = found else {
        let mut body = json!({"audience": audience, "subject_type": subject_type, "scope": scopes});
        match who {
            Who::Client(id) => body["client_id"] = json!(id.as_deref().unwrap_or(LATER)),
            Who::ThirdParties => body["default_for"] = json!("third_party_clients"),
        }
        let undo = Undo::Delete("client-grants");
        return run.change(create, "POST", "client-grants", body, undo).await.map(|_| ());
    };
    if found["allow_all_scopes"] == true {
        return Ok(());
    }
    let mut all = found["scope"].as_array().cloned().unwrap_or_default();
    for scope in scopes {
        if !all.iter().any(|known| known == scope.as_str()) {
            all.push(json!(scope));
        }
    }
    let id = found["id"].as_str().unwrap_or_default();
    run.state.adopt("client-grants", id, &create)?;
    let own = run.state.has_made("client-grants", id);
    let path = format!("client-grants/{}", segment(id));
    let members = vec![("/scope", json!(all))];
    run.correct(&format!("Extend the grant for {what}"), path, found, members, own).await
}

/// The connections: at domain level, with the Token Vault, and enabled for the applications.
pub(super) async fn connections(
    run: &mut Run<'_>,
    wanted: &Wanted,
    env: &EnvFile,
) -> Result<(), Stop> {
    let connections = run.management.list("connections", "connections").await?;
    let is_promoted = |connection: &&Value| connection["is_domain_connection"] == true;
    let promoted: Vec<&Value> = connections.iter().filter(is_promoted).collect();
    let is_foreign = |it: &&Value| !run.state.has_promoted(&connection_path(it));
    let has_foreign = promoted.iter().any(is_foreign);
    // What an operator has promoted, or taken back, stays unless `--sign-in` says otherwise.
    run.sign_in = match wanted.sign_in.as_slice() {
        [] if run.decides(SIGN_IN) && !has_foreign => vec![DATABASE.to_owned(), GOOGLE.to_owned()],
        names => names.to_vec(),
    };
    for name in run.sign_in.clone() {
        let Some(connection) = connections.iter().find(|one| one["name"] == name.as_str()) else {
            run.manual.push(format!("The tenant has no connection {name}, so it is left out."));
            continue;
        };
        let path = connection_path(connection);
        let what = format!("Promote the connection {name} to domain level");
        run.correct(&what, path, connection, vec![(PROMOTED, json!(true))], false).await?;
        // The one of the Token Vault is enabled below.
        if run.state.makes(Part::ConnectPage) && name != GOOGLE {
            enable(run, connection, env.get("connect_client_id"), "the connect page").await?;
        }
    }
    // What fails below is made up for by a later run, which promotes nothing again.
    run.decided(&[SIGN_IN])?;
    if run.sign_in.is_empty() {
        if promoted.is_empty() {
            run.manual.push(
                "No connection is at domain level, so no MCP client can sign in. Name one by \
                 `--sign-in`."
                    .to_owned(),
            );
        }
        if run.state.makes(Part::ConnectPage) {
            enable_first(run, &promoted, env.get("connect_client_id")).await?;
        }
    }
    if !run.state.makes(Part::TokenVault) {
        return Ok(());
    }
    let Some(google) = connections.iter().find(|one| one["name"] == GOOGLE) else {
        run.manual.push(format!(
            "For `calendar_summary`: {} Then run the set-up again.",
            google_client(
                wanted,
                "create the connection with its id and secret: Dashboard, \
                                   Authentication, Social, Google."
            )
        ));
        return Ok(());
    };
    token_vault(run, wanted, google).await?;
    enable(run, google, env.get("auth0_client_id"), "the server").await?;
    if run.state.makes(Part::ConnectPage) {
        enable(run, google, env.get("connect_client_id"), "the connect page").await?;
    }
    Ok(())
}

async fn token_vault(run: &mut Run<'_>, wanted: &Wanted, google: &Value) -> Result<(), Stop> {
    let path = connection_path(google);
    if google["connected_accounts"]["active"] != true {
        let body = json!({"connected_accounts": {"active": true}});
        let undo = Undo::Restore(vec![(
            "/connected_accounts/active".to_owned(),
            google["connected_accounts"]["active"].clone(),
            json!(true),
        )]);
        let what = format!("Turn on Connected Accounts for Token Vault on {GOOGLE}");
        run.change(what, "PATCH", path.clone(), body, undo).await?;
    }
    let options = &google["options"];
    if options["client_id"].as_str().is_none_or(str::is_empty) {
        run.manual.push(google_client(
            wanted,
            "set its id and secret on the connection: Dashboard, Authentication, Social, Google. It \
             has Auth0's developer keys now, which get nothing for the Token Vault.",
        ));
        return Ok(());
    }
    let mut scopes = options["scope"].as_array().cloned().unwrap_or_default();
    if scopes.iter().any(|scope| scope == CALENDAR) || options["calendar"] == true {
        return Ok(());
    }
    // `options` replaces all of them, with the secret of the Google client among them.
    scopes.push(json!(CALENDAR));
    let mut all = options.clone();
    all["scope"] = json!(scopes);
    run.hidden.extend(options["client_secret"].as_str().map(str::to_owned));
    let undo =
        Undo::Restore(vec![("/options/scope".to_owned(), options["scope"].clone(), json!(scopes))]);
    let what = format!("Let {GOOGLE} ask for {CALENDAR}");
    run.change(what, "PATCH", path, json!({ "options": all }), undo).await.map(|_| ())
}

fn google_client(wanted: &Wanted, then: &str) -> String {
    format!(
        "create a Google OAuth client at https://console.cloud.google.com/apis/credentials with the \
         redirect URI {}/login/callback, enable the Calendar API at \
         https://console.cloud.google.com/apis/library/calendar-json.googleapis.com, and add the \
         scope {CALENDAR} to its consent screen. Then {then}",
        wanted.tenant
    )
}

/// Enables the connections at domain level for a connect page that has none of them: users sign in
/// there as they do in MCP clients. One that has some gets no other.
async fn enable_first(
    run: &mut Run<'_>,
    promoted: &[&Value],
    client: Option<&str>,
) -> Result<(), Stop> {
    for connection in promoted {
        if is_enabled(run, connection, client).await? {
            return Ok(());
        }
    }
    // The one of the Token Vault is enabled with it.
    for connection in promoted.iter().filter(|one| one["name"] != GOOGLE) {
        enable(run, connection, client, "the connect page").await?;
    }
    Ok(())
}

async fn is_enabled(run: &Run<'_>, connection: &Value, client: Option<&str>) -> Result<bool, Stop> {
    let path = format!("{}/clients", connection_path(connection));
    let enabled = run.management.get(&path).await?;
    let rows = enabled["clients"].as_array().cloned().unwrap_or_default();
    Ok(client.is_some() && rows.iter().any(|row| row["client_id"].as_str() == client))
}

async fn enable(
    run: &mut Run<'_>,
    connection: &Value,
    client: Option<&str>,
    whose: &str,
) -> Result<(), Stop> {
    if is_enabled(run, connection, client).await? {
        return Ok(());
    }
    let path = format!("{}/clients", connection_path(connection));
    let name = connection["name"].as_str().unwrap_or_default();
    let what = format!("Enable the connection {name} for {whose}");
    let body = json!([{"client_id": client.unwrap_or(LATER), "status": true}]);
    run.change(what, "PATCH", path, body, Undo::Nothing).await.map(|_| ())
}

fn connection_path(connection: &Value) -> String {
    format!("connections/{}", segment(connection["id"].as_str().unwrap_or_default()))
}

/// The first-party application of the connect page, and its grant.
pub(super) async fn connect_page(
    run: &mut Run<'_>,
    wanted: &Wanted,
    env: &mut EnvFile,
) -> Result<(), Stop> {
    if !run.state.makes(Part::ConnectPage) {
        return Ok(());
    }
    let callback = format!("{}/connect/callback", wanted.public_url);
    let mark = format!("connect {}", wanted.audience);
    let clients = run.management.list("clients", "clients").await?;
    let found = clients.iter().find(|client| {
        client["client_metadata"][MARK] == mark.as_str()
            || (client["client_id"].as_str().is_some()
                && client["client_id"].as_str() == env.get("connect_client_id"))
    });
    match found {
        None => {
            let body = json!({
                "name": "Doorward",
                "app_type": "regular_web",
                "callbacks": [callback],
                "grant_types": ["authorization_code"],
                "token_endpoint_auth_method": "client_secret_post",
                "oidc_conformant": true,
                "client_metadata": {MARK: mark},
            });
            let what = "Create the application of the connect page";
            let made = run.change(what, "POST", "clients", body, Undo::Delete("clients")).await?;
            if let Some(made) = made {
                credentials(run, env, &made, "connect_client_id", "connect_client_secret")?;
            }
        }
        Some(client) => {
            let own = own(run, client, &mark)?;
            let mut callbacks = client["callbacks"].as_array().cloned().unwrap_or_default();
            if !callbacks.iter().any(|known| known == callback.as_str()) {
                callbacks.push(json!(callback));
            }
            let mut grants = client["grant_types"].as_array().cloned().unwrap_or_default();
            if !grants.iter().any(|known| known == "authorization_code") {
                grants.push(json!("authorization_code"));
            }
            let id = client["client_id"].as_str().unwrap_or_default();
            let path = format!("clients/{}", segment(id));
            let mut members = vec![
                ("/app_type", json!("regular_web")),
                ("/callbacks", json!(callbacks)),
                ("/grant_types", json!(grants)),
            ];
            members.extend(authentication(client));
            let what = "Correct the application of the connect page";
            run.correct(what, path, client, members, own).await?;
            secret(run, env, client, "connect_client_id", "connect_client_secret")?;
        }
    }
    let my_account = format!("{}/me/", wanted.tenant);
    if run.management.find(&format!("resource-servers/{}", segment(&my_account))).await?.is_none() {
        run.manual.push(format!(
            "Activate the My Account API (Dashboard, Applications, APIs), then run the set-up again: \
             the connect page needs a grant for {my_account}."
        ));
        return Ok(());
    }
    let who = Who::Client(env.get("connect_client_id").map(str::to_owned));
    let scopes = CONNECT_SCOPES.map(str::to_owned);
    grant(run, "the My Account API, for the connect page", &who, &my_account, "user", &scopes).await
}

/// The Action that adds `name` and `email` to access tokens of the API.
pub(super) async fn action(run: &mut Run<'_>, wanted: &Wanted) -> Result<(), Stop> {
    const TRIGGER: &str = "actions/triggers/post-login/bindings";
    if !run.state.makes(Part::Action) {
        return Ok(());
    }
    let code = action_code(&wanted.audience);
    let actions = run.management.list("actions/actions?triggerId=post-login", "actions").await?;
    let found = actions.iter().find(|action| {
        action["code"].as_str().is_some_and(|code| code.contains(&action_mark(&wanted.audience)))
    });
    let create = "Create the Action that adds `name` and `email` to access tokens";
    let (id, mut is_deployed) = match found {
        Some(action) => {
            let id = action["id"].as_str().unwrap_or_default();
            run.state.adopt("actions/actions", id, create)?;
            let is_deployed =
                action["all_changes_deployed"] == true || action["deployed_version"].is_object();
            (Some(id.to_owned()), is_deployed)
        }
        None => {
            let body = json!({
                "name": action_name(&wanted.audience),
                "supported_triggers": [{"id": "post-login", "version": "v3"}],
                "code": code,
            });
            let undo = Undo::Delete("actions/actions");
            let made = run.change(create, "POST", "actions/actions", body, undo).await?;
            (made.and_then(|made| made["id"].as_str().map(str::to_owned)), false)
        }
    };
    let shown = id.as_deref().unwrap_or(LATER).to_owned();
    if !is_deployed {
        // What is printed before the Action exists is for people.
        let part = id.as_deref().map_or_else(|| LATER.to_owned(), segment);
        let path = format!("actions/actions/{part}/deploy");
        run.change("Deploy the Action", "POST", path, Value::Null, Undo::Nothing).await?;
        is_deployed = true;
    }
    let bindings = run.management.list(TRIGGER, "bindings").await?;
    if !is_deployed || bindings.iter().any(|one| one["action"]["id"].as_str() == id.as_deref()) {
        return Ok(());
    }
    let mut rows: Vec<Value> = bindings
        .iter()
        .map(|one| {
            let reference = json!({"type": "binding_id", "value": one["id"]});
            json!({"ref": reference, "display_name": one["display_name"]})
        })
        .collect();
    rows.push(json!({
        "ref": {"type": "action_id", "value": shown},
        "display_name": action_name(&wanted.audience),
    }));
    let body = json!({ "bindings": rows });
    let what = "Bind the Action to the sign-in, after those that are there";
    run.change(what, "PATCH", TRIGGER, body, Undo::Nothing).await.map(|_| ())
}

fn action_name(audience: &str) -> String {
    format!("Doorward claims for {}", audience.split_once("://").map_or(audience, |(_, rest)| rest))
}

/// The first line of the Action, by which it is recognized.
pub(super) fn action_mark(audience: &str) -> String {
    format!("// Made by `cargo run -- tenant setup` for {audience}")
}

fn action_code(audience: &str) -> String {
    format!(
        "{}\nexports.onExecutePostLogin = async (event, api) => {{\n  \
         if (event.resource_server?.identifier !== {}) return;\n  \
         api.accessToken.setCustomClaim(\"name\", event.user.name);\n  \
         api.accessToken.setCustomClaim(\"email\", event.user.email);\n  \
         api.accessToken.setCustomClaim(\"email_verified\", event.user.email_verified);\n}};\n",
        action_mark(audience),
        json!(audience)
    )
}

/// The log stream that tells the server who was blocked or lost a permission.
pub(super) async fn log_stream(
    run: &mut Run<'_>,
    wanted: &Wanted,
    env: &mut EnvFile,
) -> Result<(), Stop> {
    let has_secret = env.get("revocation_secret").is_some();
    if !run.state.makes(Part::LogStream) || (wanted.is_loopback && !has_secret) {
        return Ok(());
    }
    let endpoint = format!("{}/revoke", wanted.public_url);
    let streams = run.management.get("log-streams").await?;
    let streams = streams.as_array().cloned().unwrap_or_default();
    let stream = streams.iter().find(|one| one["sink"]["httpEndpoint"] == endpoint.as_str());
    if stream.is_none() && wanted.is_loopback {
        return Ok(());
    }
    if !has_secret {
        let secret = super::random_secret()?;
        env.set("revocation_secret", &secret);
        if run.apply {
            env.write()?;
        }
    }
    let secret = env.get("revocation_secret").unwrap_or_default().to_owned();
    run.hidden.push(secret.clone());
    let authorization = format!("Bearer {secret}");
    let filters: Vec<Value> =
        CATEGORIES.iter().map(|name| json!({"type": "category", "name": name})).collect();
    let create = format!("Create the log stream to {endpoint}");
    let Some(stream) = stream else {
        let body = json!({
            "name": "Doorward",
            "type": "http",
            "sink": {
                "httpEndpoint": endpoint,
                "httpContentFormat": "JSONARRAY",
                "httpContentType": "application/json",
                "httpAuthorization": authorization,
            },
            "filters": filters,
        });
        let undo = Undo::Delete("log-streams");
        return run.change(create, "POST", "log-streams", body, undo).await.map(|_| ());
    };
    let id = stream["id"].as_str().unwrap_or_default();
    run.state.adopt("log-streams", id, &create)?;
    if stream["sink"]["httpAuthorization"] != authorization.as_str() {
        if !run.state.has_made("log-streams", id) {
            run.manual.push(format!(
                "The log stream to {endpoint} was not made by the set-up, so its secret is left \
                 alone. Set its Authorization Token to `Bearer ` and the value of \
                 SPIN_VARIABLE_REVOCATION_SECRET in {}.",
                env.path().display()
            ));
            return Ok(());
        }
        let mut sink = stream["sink"].clone();
        sink["httpAuthorization"] = json!(authorization);
        let path = format!("log-streams/{}", segment(id));
        let what = "Give the log stream the secret of the server";
        let body = json!({ "sink": sink });
        run.change(what, "PATCH", path, body, Undo::Nothing).await?;
    }
    let mut members = vec![("/status", json!("active"))];
    // Without filters everything is sent.
    let mut kept = stream["filters"].as_array().cloned().unwrap_or_default();
    if !kept.is_empty() {
        for filter in filters {
            if !kept.iter().any(|known| known["name"] == filter["name"]) {
                kept.push(filter);
            }
        }
        members.push(("/filters", json!(kept)));
    }
    let own = run.state.has_made("log-streams", id);
    let path = format!("log-streams/{}", segment(id));
    run.correct("Correct the log stream", path, stream, members, own).await
}

/// The settings of the whole tenant, last: strict clients need the grants to exist.
pub(super) async fn settings(run: &mut Run<'_>, wanted: &Wanted) -> Result<(), Stop> {
    let settings = run.management.get("tenants/settings").await?;
    let mut members = vec![
        ("/resource_parameter_profile", json!("compatibility")),
        ("/authorization_response_iss_parameter_supported", json!(true)),
        ("/flags/use_scope_descriptions_for_consent", json!(true)),
    ];
    if wanted.documents {
        members.push(("/client_id_metadata_document_supported", json!(true)));
        run.manual.push(
            "Clients that have a client ID metadata document use it now, and are refused as \
             \"Unknown client\" unless the tenant knows it. Import others by `--client <URL>`, or \
             turn on dynamic registration of documents if your tenant has it: \
             https://auth0.com/docs/get-started/auth0-overview/create-applications/cimd-overview"
                .to_owned(),
        );
    }
    let is_on = settings["flags"]["enable_dynamic_client_registration"] == true;
    let turns_on = match wanted.registration {
        Some(Registration::Dynamic | Registration::Both) => true,
        Some(Registration::Documents | Registration::None) => false,
        None => run.decides(REGISTRATION),
    };
    if turns_on {
        members.push(("/flags/enable_dynamic_client_registration", json!(true)));
        if settings["dynamic_client_registration_security_mode"] == "permissive" {
            members.push(("/dynamic_client_registration_security_mode", json!("strict")));
        }
    } else if wanted.registration.is_none() {
        let text = match is_on {
            true => {
                "Dynamic client registration is on: anybody can register a client. To close it: \
                 Dashboard, Settings, Advanced."
            }
            false => "Dynamic client registration is off. `--registration dynamic` turns it on.",
        };
        run.kept.push(text.to_owned());
    } else if is_on {
        run.manual.push(
            "Dynamic client registration is on, so anybody can still register a client. Turn it off \
             unless another application needs it: Dashboard, Settings, Advanced."
                .to_owned(),
        );
    }
    if wanted.default_audience {
        members.push(("/default_audience", json!(wanted.audience)));
    }
    let path = "tenants/settings".to_owned();
    run.correct("Change the tenant's settings", path, &settings, members, false).await?;
    Ok(run.decided(&[REGISTRATION])?)
}
