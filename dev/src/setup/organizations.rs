//! Organizations of a file, with their members and the roles that the members have there.

use super::{
    Wanted,
    roles::user,
    run::{Run, Stop, Undo, put},
};
use crate::management::segment;
use serde_json::{Value, json};
use toml::Value as Toml;

/// What stands for an id that only the set-up itself will know.
const LATER: &str = "<its id>";

/// An organization of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Organization {
    name: String,
    display_name: String,
    members: Vec<Member>,
}

/// A member of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    /// An email address or a user id.
    user: String,
    /// The names of the roles in the organization.
    roles: Vec<String>,
}

impl Organization {
    /// Reads one of the file.
    ///
    /// # Errors
    /// Returns what is wrong with it.
    pub(super) fn read(row: &Toml) -> Result<Self, String> {
        let text = |row: &Toml, name: &str| {
            row.get(name).and_then(Toml::as_str).unwrap_or_default().to_owned()
        };
        let name = text(row, "name");
        if name.is_empty() {
            return Err("an organization has no `name`".to_owned());
        }
        let members = row.get("members").and_then(Toml::as_array);
        let members = members.into_iter().flatten().map(|row| {
            let user = text(row, "user");
            if user.is_empty() {
                return Err(format!("a member of {name} has no `user`"));
            }
            let roles = row.get("roles").and_then(Toml::as_array);
            let roles = roles.into_iter().flatten().filter_map(Toml::as_str);
            Ok(Member { user, roles: roles.map(str::to_owned).collect() })
        });
        let members = members.collect::<Result<_, _>>()?;
        let display_name = match text(row, "display_name") {
            empty if empty.is_empty() => name.clone(),
            display_name => display_name,
        };
        Ok(Self { name, display_name, members })
    }
}

/// Makes the organizations, and adds their members with their roles. Nobody is removed.
pub(super) async fn ensure(run: &mut Run<'_>, wanted: &Wanted) -> Result<(), Stop> {
    if wanted.organizations.is_empty() {
        return Ok(());
    }
    let known = run.management.list("organizations", "organizations").await?;
    let connections = run.management.list("connections", "connections").await?;
    let connections: Vec<&str> = connections
        .iter()
        .filter(|one| run.sign_in.iter().any(|name| one["name"] == name.as_str()))
        .filter_map(|one| one["id"].as_str())
        .collect();
    let roles = run.management.list("roles", "roles").await?;
    for organization in &wanted.organizations {
        let Organization { name, display_name, .. } = organization;
        let what = format!("Create the organization {name}");
        let found = known.iter().find(|one| one["name"] == name.as_str());
        let id = match found.and_then(|one| one["id"].as_str()) {
            Some(id) => {
                run.state.adopt("organizations", id, &what)?;
                connect(run, name, id, &connections).await?;
                admit_third_parties(run, wanted, id, found.unwrap_or(&Value::Null)).await?;
                Some(id.to_owned())
            }
            None => {
                if connections.is_empty() {
                    run.manual.push(no_connection(name));
                }
                let enabled: Vec<Value> =
                    connections.iter().map(|id| json!({"connection_id": id})).collect();
                let mut body = json!({
                    "name": name, "display_name": display_name, "enabled_connections": enabled
                });
                for (pointer, value) in third_parties() {
                    put(&mut body, pointer, value);
                }
                let undo = Undo::Delete("organizations");
                let made = run.change(what, "POST", "organizations", body, undo).await?;
                made.and_then(|made| made["id"].as_str().map(str::to_owned))
            }
        };
        members(run, organization, id.as_deref(), &roles).await?;
    }
    Ok(())
}

/// Lets third-party clients sign members of an organization that exists in, if an option says so.
/// An operator may have closed it.
async fn admit_third_parties(
    run: &mut Run<'_>,
    wanted: &Wanted,
    id: &str,
    organization: &Value,
) -> Result<(), Stop> {
    let name = organization["name"].as_str().unwrap_or_default();
    if wanted.access {
        let what = format!("Let MCP clients sign members of the organization {name} in");
        let path = format!("organizations/{}", segment(id));
        let own = run.state.has_made("organizations", id);
        return run.correct(&what, path, organization, third_parties(), own).await;
    }
    if organization["third_party_client_access"] != "allow" {
        run.kept.push(format!(
            "Third-party clients may not sign in members of the organization {name}. \
             `--third-party-access` lets them."
        ));
    }
    Ok(())
}

/// Organizations refuse third-party clients unless this is set.
fn third_parties() -> Vec<(&'static str, Value)> {
    vec![("/third_party_client_access", json!("allow"))]
}

/// What is left to a person if nobody says how members sign in.
fn no_connection(name: &str) -> String {
    format!(
        "The organization {name} has no connection, so no member can sign in. Name one by \
         `--sign-in`, or add it: Dashboard, Organizations, {name}, Connections."
    )
}

/// Lets members sign in. An organization that has a connection, such as a company's own, gets no
/// other.
async fn connect(
    run: &mut Run<'_>,
    name: &str,
    id: &str,
    connections: &[&str],
) -> Result<(), Stop> {
    let path = format!("organizations/{}/enabled_connections", segment(id));
    if !run.management.list(&path, "enabled_connections").await?.is_empty() {
        return Ok(());
    }
    if connections.is_empty() {
        run.manual.push(no_connection(name));
    }
    for connection in connections {
        let what = format!("Let members of the organization {name} sign in with {connection}");
        let body = json!({"connection_id": connection});
        run.change(what, "POST", path.clone(), body, Undo::Nothing).await?;
    }
    Ok(())
}

async fn members(
    run: &mut Run<'_>,
    organization: &Organization,
    id: Option<&str>,
    roles: &[Value],
) -> Result<(), Stop> {
    let name = &organization.name;
    let path = format!("organizations/{}/members", id.map_or_else(|| LATER.to_owned(), segment));
    let present = match id {
        Some(_) => run.management.list(&path, "members").await?,
        None => Vec::new(),
    };
    for member in &organization.members {
        let place = format!("the organization {name}");
        let Some(user) = user(run, &member.user, &place).await? else { continue };
        let is_member = present.iter().any(|one| one["user_id"] == user.id.as_str());
        if !is_member {
            let what = format!("Add {} to {place}", user.shown);
            let body = json!({"members": [user.id]});
            run.change(what, "POST", path.clone(), body, Undo::Nothing).await?;
        }
        let path = format!("{path}/{}/roles", segment(&user.id));
        let held = match is_member {
            true => run.management.list(&path, "roles").await?,
            false => Vec::new(),
        };
        let missing =
            member.roles.iter().filter(|role| !held.iter().any(|one| one["name"] == role.as_str()));
        let mut ids = Vec::new();
        for role in missing {
            match roles.iter().find(|one| one["name"] == role.as_str()) {
                Some(known) => ids.push(known["id"].clone()),
                // A role of the same file is made only now.
                None if !run.apply => ids.push(json!(LATER)),
                None => run.manual.push(format!(
                    "The tenant has no role {role}, which {} should have in {place}.",
                    user.shown
                )),
            }
        }
        if !ids.is_empty() {
            let what = format!("Give {} {} roles in {place}", user.shown, ids.len());
            run.change(what, "POST", path, json!({ "roles": ids }), Undo::Nothing).await?;
        }
    }
    Ok(())
}
