//! Which user of the tenant an email address means.

use serde_json::Value;

/// The only user who has verified the address, of those whom the tenant lists for it. `None` if it
/// lists nobody. Anybody may sign up with any address, so an address that is not verified says
/// nothing about who has it.
///
/// # Errors
/// Returns why the address means no one user, with the ids of all who have it.
pub(crate) fn by_email<'a>(email: &str, rows: &'a Value) -> Result<Option<&'a Value>, String> {
    let rows = rows.as_array().map_or(&[][..], Vec::as_slice);
    let verified: Vec<&Value> = rows.iter().filter(|row| row["email_verified"] == true).collect();
    let why = match verified.as_slice() {
        [one] => return Ok(Some(*one)),
        [] if rows.is_empty() => return Ok(None),
        [] => format!("nobody has verified {email}, and anybody may sign up with any address"),
        more => format!("{} users have verified {email}", more.len()),
    };
    let ids: Vec<String> = rows.iter().map(described).collect();
    Err(format!("{why}: {}", ids.join(", ")))
}

/// The id of a user, with the connections and whether the address is verified.
fn described(user: &Value) -> String {
    let id = user["user_id"].as_str().unwrap_or_default();
    let identities = user["identities"].as_array().into_iter().flatten();
    let mut notes: Vec<&str> = identities.filter_map(|one| one["connection"].as_str()).collect();
    if user["email_verified"] != true {
        notes.push("not verified");
    }
    match notes.as_slice() {
        [] => id.to_owned(),
        notes => format!("{id} ({})", notes.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_address_means_the_only_user_who_has_verified_it() {
        let row = |id: &str, connection: &str, is_verified: Value| {
            json!({
                "user_id": id, "email_verified": is_verified,
                "identities": [{"connection": connection}],
            })
        };
        let ada = || row("samlp|ada", "acme-saml", json!(true));
        let stranger = || row("auth0|stranger", "Users", json!(false));
        let id = |rows: Vec<Value>| {
            by_email("ada@example.com", &json!(rows))
                .map(|one| one.map(|one| one["user_id"].as_str().unwrap_or_default().to_owned()))
        };
        assert_eq!(id(vec![]), Ok(None));
        assert_eq!(id(vec![stranger(), ada()]), Ok(Some("samlp|ada".to_owned())));
        let why = id(vec![stranger()]).expect_err("anybody may have made it");
        let ids = "auth0|stranger (Users, not verified)";
        assert!(why.starts_with("nobody has verified ada@") && why.ends_with(ids), "{why}");
        // An enterprise connection need not say.
        assert!(id(vec![row("waad|ada", "acme", Value::Null)]).is_err());
        let why = id(vec![ada(), row("google-oauth2|1", "google-oauth2", json!(true)), stranger()]);
        assert_eq!(
            why,
            Err(format!(
                "2 users have verified ada@example.com: samlp|ada (acme-saml), google-oauth2|1 \
                 (google-oauth2), {ids}"
            ))
        );
    }
}
