//! The four users, what each may see, and their tokens.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use doorward_tenant::{
    Calendar, ConnectedAccount, Control, Event, EventStatus, Person, SigningKey,
};
use serde_json::{Map, Value, json};

const CALENDAR: &str = "https://www.googleapis.com/auth/calendar.readonly";
const SCOPES: &str = "tool:whoami tool:greet tool:calendar_summary";
const CLIENT: &str = "doorward-test";

/// The tools that everybody may use.
pub(super) const PUBLIC: [&str; 5] =
    ["get_datetime", "behind_echo", "behind_slow", "behind_garbage", "behind_close"];

/// The permission that one user has only at times, and the tool that it is for.
const CHANGING: &str = "tool:whoami";

/// How long the answers may differ from the tenant after a change: the TTL of permissions, and the
/// time that a request and its lookup may take.
const SETTLING: Duration = Duration::from_millis(1000 + 4000);

/// A user, and what the user may see.
#[derive(Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) email: String,
    /// The tools that need a permission and that the user may use.
    pub(super) tools: &'static [&'static str],
    /// Whether an account is connected, with one event in its calendar.
    pub(super) is_connected: bool,
    /// Whether [`CHANGING`] comes and goes.
    pub(super) changes: bool,
}

/// The users, and whether the one that changes holds the permission now.
#[derive(Debug)]
pub(super) struct Users {
    pub(super) all: Vec<User>,
    held: Mutex<Held>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    is_held: bool,
    since: Instant,
}

impl Users {
    /// Adds the users to the tenant.
    pub(super) fn arrive(control: &Control, audience: &str) -> Self {
        const ALL: &[&str] = &["whoami", "greet", "calendar_summary"];
        let user = |name: &str, tools, is_connected, changes| User {
            id: format!("auth0|soak-{name}"),
            name: format!("Soak {name}"),
            email: format!("soak-{name}@example.com"),
            tools,
            is_connected,
            changes,
        };
        let all = vec![
            user("amber", ALL, true, false),
            user("birch", ALL, true, true),
            user("cedar", ALL, false, false),
            user("delta", &[], false, false),
        ];
        control.edit(|directory| {
            for user in &all {
                directory.people.push(user.person(audience));
                directory.calendars.push(user.calendar());
            }
        });
        let held = Mutex::new(Held { is_held: true, since: Instant::now() });
        Self { all, held }
    }

    /// Whether a user may use a tool that needs a permission; `None` if that changed so recently
    /// that both answers to a request sent at this moment are right.
    pub(super) fn may(&self, user: &User, tool: &str, sent: Instant) -> Option<bool> {
        if !user.changes || tool != "whoami" {
            return Some(user.tools.contains(&tool));
        }
        let held = *self.held.lock().unwrap_or_else(PoisonError::into_inner);
        (sent > held.since + SETTLING).then_some(held.is_held)
    }

    /// Gives or takes the permission that changes.
    ///
    /// # Errors
    /// Returns a message if the tenant does not know the user.
    pub(super) fn change(&self, control: &Control, audience: &str) -> Result<(), String> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_held = !held.is_held;
        for user in self.all.iter().filter(|user| user.changes) {
            let changed = match is_held {
                true => control.grant_permission(&user.id, audience, CHANGING),
                false => control.revoke_permission(&user.id, audience, CHANGING),
            };
            changed.map_err(|error| error.to_string())?;
        }
        *held = Held { is_held, since: Instant::now() };
        Ok(())
    }
}

impl User {
    /// A new token with all scopes, whatever the user may do, signed with the current key.
    ///
    /// # Errors
    /// Returns a message if the tenant does not know the user.
    pub(super) fn token(&self, control: &Control, change: &Value) -> Result<String, String> {
        let claims = control.claims_for(&self.id, CLIENT, &[]);
        let mut claims = claims.map_err(|error| error.to_string())?;
        claims["scope"] = json!(SCOPES);
        claims["jti"] = json!(format!("{:032x}", rand::random::<u128>()));
        for (name, value) in change.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        Ok(control.mint_with(SigningKey::Current, &json!({ "typ": "at+jwt" }), &claims))
    }

    /// The title of the only event in the user's calendar.
    pub(super) fn event(&self) -> String {
        format!("Event of {}", self.name)
    }

    fn person(&self, audience: &str) -> Person {
        let permissions = self.tools.iter().map(|tool| format!("tool:{tool}")).collect();
        let account = ConnectedAccount {
            id: format!("cac_{}", self.name.replace(' ', "")),
            connection: "google-oauth2".to_owned(),
            scopes: vec![CALENDAR.to_owned()],
            email: None,
            revoked: false,
            created_at: String::new(),
        };
        Person {
            user_id: self.id.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            permissions: BTreeMap::from([(audience.to_owned(), permissions)]),
            claims: Map::from_iter([("name".to_owned(), json!(self.name))]),
            connected_accounts: Vec::from_iter(self.is_connected.then_some(account)),
            ..Person::default()
        }
    }

    /// A calendar with one event, yesterday, today and tomorrow.
    fn calendar(&self) -> Calendar {
        let event = Event {
            id: "event0000000".to_owned(),
            summary: Some(self.event()),
            description: None,
            location: None,
            hangout_link: None,
            day: -1,
            start: None,
            minutes: 0,
            days: 3,
            repeat: None,
            time_zone: None,
            response: None,
            status: EventStatus::Confirmed,
        };
        let (owner, time_zone) = (self.email.clone(), "UTC".to_owned());
        Calendar { owner, time_zone, page_size: None, events: vec![event] }
    }
}
