//! The tools.

use std::collections::BTreeMap;

use doorward_spin::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A preference. Each is a member of `user_metadata` of its own: the tenant replaces whole members,
/// so two calls at once cannot undo each other.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Preference {
    Language,
    Theme,
    Units,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SetPreference {
    /// The preference
    preference: Preference,
    /// Its value; leave it out to remove the preference
    value: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Preferences {
    /// The preferences that are set, with their values.
    preferences: BTreeMap<&'static str, String>,
}

impl Preference {
    const ALL: [Self; 3] = [Self::Language, Self::Theme, Self::Units];

    fn name(self) -> &'static str {
        match self {
            Self::Language => "language",
            Self::Theme => "theme",
            Self::Units => "units",
        }
    }
}

/// Every user may read their own preferences, unless the API defines `tool:get_preferences`.
pub(crate) fn get_preferences() -> Tool {
    Tool::new("get_preferences", read)
        .title("My preferences")
        .description("Returns what the user prefers: language, theme, units")
}

/// The token must allow it, whatever its user may do: an agent that only reads is not given the
/// scope.
pub(crate) fn set_preference() -> Tool {
    Tool::new("set_preference", write)
        .title("Set a preference")
        .description(
            "Keeps what the user prefers, for this and all other applications of the tenant",
        )
        .annotations(Annotations { read_only_hint: false, ..Annotations::READ_ONLY })
        .all_of_scopes(["write:preferences"])
}

async fn read(context: &Context, _: NoArguments) -> Result<ToolOutput<Preferences>, CallError> {
    let metadata = context.auth0().management().user_metadata().await.map_err(call_error)?;
    Ok(output(&metadata))
}

async fn write(
    context: &Context,
    arguments: SetPreference,
) -> Result<ToolOutput<Preferences>, CallError> {
    if arguments.value.as_ref().is_some_and(|value| value.len() > 100) {
        return Err(CallError::InvalidParams("`value` is longer than 100 bytes.".to_owned()));
    }
    // `null` deletes.
    let changes =
        Map::from_iter([(arguments.preference.name().to_owned(), json!(arguments.value))]);
    let metadata =
        context.auth0().management().patch_user_metadata(changes).await.map_err(call_error)?;
    Ok(output(&metadata))
}

/// Shows the preferences and nothing else of the metadata.
fn output(metadata: &Map<String, Value>) -> ToolOutput<Preferences> {
    let value = |preference: Preference| {
        let value = metadata.get(preference.name())?.as_str()?;
        Some((preference.name(), value.to_owned()))
    };
    let preferences: BTreeMap<_, _> = Preference::ALL.into_iter().filter_map(value).collect();
    let lines: Vec<String> =
        preferences.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let text = if lines.is_empty() { "No preferences.".to_owned() } else { lines.join("\n") };
    ToolOutput { text, structured: Preferences { preferences } }
}

/// The error for the caller. The operator finds the details in the log.
fn call_error(error: ManagementError) -> CallError {
    CallError::new(match error {
        ManagementError::NotATenantUser => {
            "Preferences are stored only for users of the server's own tenant.".to_owned()
        }
        ManagementError::RateLimited(seconds) => {
            format!("The tenant is busy. Try again in {seconds} seconds.")
        }
        _ => "The preferences cannot be reached just now. Try again later.".to_owned(),
    })
}
