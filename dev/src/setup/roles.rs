//! Roles from a file, and the organizations of the same file.

use super::{
    organizations::Organization,
    run::{Run, Stop, Undo},
};
use crate::{Error, management::segment, users};
use serde_json::{Value, json};
use std::{fs, path::Path};
use toml::{Table, Value as Toml};

/// A role of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    name: String,
    description: String,
    permissions: Vec<String>,
    /// Email addresses or user ids.
    users: Vec<String>,
}

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct File {
    pub(super) roles: Vec<Role>,
    pub(super) organizations: Vec<Organization>,
}

/// Reads the file: `[[role]]` with `name`, `description`, `permissions` and `users`, and
/// `[[organization]]` with `name`, `display_name` and `members`.
///
/// # Errors
/// Returns an error if the file is invalid.
pub(super) fn read(path: &Path) -> Result<File, Error> {
    let wrong = |what: String| Error::usage(format!("{}: {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
    let rows = |name: &str| table.get(name).and_then(Toml::as_array).cloned().unwrap_or_default();
    let is_known = |name: &String| matches!(name.as_str(), "role" | "organization");
    if table.is_empty() || !table.keys().all(is_known) {
        return Err(wrong(
            "it must have `[[role]]` and `[[organization]]` entries, and nothing else".to_owned(),
        ));
    }
    let organizations = rows("organization");
    let organizations = organizations.iter().map(Organization::read).collect::<Result<_, _>>();
    let organizations = organizations.map_err(wrong)?;
    let roles = rows("role")
        .iter()
        .map(|row| {
            let text = |name: &str| row.get(name).and_then(Toml::as_str).unwrap_or_default();
            let list = |name: &str| -> Vec<String> {
                let list = row.get(name).and_then(Toml::as_array);
                let texts = list.into_iter().flatten().filter_map(Toml::as_str);
                texts.map(str::to_owned).collect()
            };
            if text("name").is_empty() {
                return Err(wrong("a role has no `name`".to_owned()));
            }
            Ok(Role {
                name: text("name").to_owned(),
                description: text("description").to_owned(),
                permissions: list("permissions"),
                users: list("users"),
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(File { roles, organizations })
}

/// Makes the roles, gives them their permissions, and gives them to their users. Nothing is taken
/// away.
pub(super) async fn ensure(run: &mut Run<'_>, roles: &[Role], audience: &str) -> Result<(), Stop> {
    if roles.is_empty() {
        return Ok(());
    }
    let known = run.management.list("roles", "roles").await?;
    for role in roles {
        let id = known.iter().find(|one| one["name"] == role.name.as_str());
        let what = format!("Create the role {}", role.name);
        let id = match id.and_then(|one| one["id"].as_str()) {
            Some(id) => {
                run.state.adopt("roles", id, &what)?;
                Some(id.to_owned())
            }
            None => {
                let body = json!({"name": role.name, "description": role.description});
                let made = run.change(what, "POST", "roles", body, Undo::Delete("roles")).await?;
                made.and_then(|made| made["id"].as_str().map(str::to_owned))
            }
        };
        let path = format!("roles/{}", id.as_deref().map_or_else(|| "<role>".to_owned(), segment));
        let held = match &id {
            Some(_) => run.management.list(&format!("{path}/permissions"), "permissions").await?,
            None => Vec::new(),
        };
        let missing: Vec<Value> = role
            .permissions
            .iter()
            .filter(|name| {
                !held.iter().any(|one| {
                    one["permission_name"] == name.as_str()
                        && one["resource_server_identifier"] == audience
                })
            })
            .map(|name| json!({"resource_server_identifier": audience, "permission_name": name}))
            .collect();
        if !missing.is_empty() {
            let count = missing.len();
            let noun = if count == 1 { "permission" } else { "permissions" };
            let what = format!("Give the role {} {count} {noun}", role.name);
            let body = json!({ "permissions": missing });
            let path = format!("{path}/permissions");
            run.change(what, "POST", path, body, Undo::Nothing).await?;
        }
        for user in &role.users {
            assign(run, role, id.as_deref(), &path, user).await?;
        }
    }
    Ok(())
}

/// A user of the file, at the tenant.
pub(super) struct User {
    pub(super) id: String,
    /// The name in the file and, if that is an email address, the id, for people.
    pub(super) shown: String,
}

/// The user who is named by id or by email address. Whom an address does not tell for sure is left
/// to a person: `place` is where the user belongs.
pub(super) async fn user(run: &mut Run<'_>, name: &str, place: &str) -> Result<Option<User>, Stop> {
    if name.contains('|') {
        return Ok(Some(User { id: name.to_owned(), shown: name.to_owned() }));
    }
    let rows = run.management.get(&format!("users-by-email?email={}", segment(name))).await?;
    match users::by_email(name, &rows) {
        Ok(Some(user)) => {
            let id = user["user_id"].as_str().unwrap_or_default().to_owned();
            let shown = format!("{name} ({id})");
            return Ok(Some(User { id, shown }));
        }
        Ok(None) => run.manual.push(format!(
            "{name} does not exist in the tenant. Create the user, then run the set-up again for \
             {place}."
        )),
        Err(why) => run.manual.push(format!(
            "{name} got nothing of {place}, because {why}. Name the user by id in the file, then \
             run the set-up again."
        )),
    }
    Ok(None)
}

async fn assign(
    run: &mut Run<'_>,
    role: &Role,
    id: Option<&str>,
    path: &str,
    name: &str,
) -> Result<(), Stop> {
    let place = format!("the role {}", role.name);
    let Some(user) = user(run, name, &place).await? else { return Ok(()) };
    let roles = run.management.list(&format!("users/{}/roles", segment(&user.id)), "roles").await?;
    if roles.iter().any(|one| Some(one["id"].as_str().unwrap_or_default()) == id) {
        return Ok(());
    }
    let what = format!("Give {} the role {}", user.shown, role.name);
    let body = json!({ "users": [user.id] });
    run.change(what, "POST", format!("{path}/users"), body, Undo::Nothing).await.map(|_| ())
}
