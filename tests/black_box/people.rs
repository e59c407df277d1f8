//! Sixteen more users, for tests in which many different users call at the same time.

use std::collections::BTreeMap;

use doorward_tenant::{Calendar, ConnectedAccount, Event, EventStatus, Person};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::World;

/// The number of these users.
pub(crate) const COUNT: usize = 16;

const CALENDAR: &str = "https://www.googleapis.com/auth/calendar.readonly";

/// The email address of the user with this number. The tenant finds users by it.
pub(crate) fn email(number: usize) -> String {
    format!("person-{number}@example.com")
}

/// Adds the users. Each may use every tool and has connected a calendar with one event.
pub(crate) fn arrive(world: &World) {
    let tools = ["tool:whoami", "tool:greet", "tool:calendar_summary"].map(str::to_owned);
    for number in 0..COUNT {
        let email = email(number);
        let permissions = BTreeMap::from([(world.mcp_url(), tools.to_vec())]);
        world.tenant().control().edit(|directory| {
            directory.people.push(Person {
                user_id: format!("auth0|person-{number}"),
                name: format!("Person {number}"),
                email: email.clone(),
                permissions,
                connected_accounts: vec![ConnectedAccount {
                    id: format!("cac_{number}"),
                    connection: "google-oauth2".to_owned(),
                    scopes: vec![CALENDAR.to_owned()],
                    email: None,
                    revoked: false,
                    created_at: String::new(),
                }],
                ..Person::default()
            });
        });
        add_calendar(world, &email, &format!("Event of {email}"));
    }
}

/// Calls a tool for all of these users at the same time, each with a new token.
pub(crate) async fn call_at_once(world: &World, tool: &str) -> Vec<Value> {
    let calls =
        (0..COUNT).map(|number| async move { world.call(&email(number), tool, json!({})).await });
    join_all(calls).await
}

/// Adds a calendar with one all-day event.
pub(crate) fn add_calendar(world: &World, owner: &str, title: &str) {
    let event = Event {
        id: "event0000000".to_owned(),
        summary: Some(title.to_owned()),
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
    let (owner, time_zone) = (owner.to_owned(), "Europe/Berlin".to_owned());
    let calendar = Calendar { owner, time_zone, page_size: None, events: vec![event] };
    world.tenant().control().edit(|directory| directory.calendars.push(calendar));
}
