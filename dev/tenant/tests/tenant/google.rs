use doorward_tenant::{Calendar, Event, EventStatus};
use jiff::{ToSpan, ZonedDateTime};
use serde_json::{Value, json};

use crate::support::*;

const PRIMARY: &str = "/calendar/v3/calendars/primary/events";

/// The parameters that request the events of today in this zone.
fn today(zone: &str) -> Vec<(&'static str, String)> {
    let start = ZonedDateTime::now().in_tz(zone).unwrap().start_of_day().unwrap();
    let end = start.checked_add(1.day()).unwrap();
    vec![
        ("timeMin", start.timestamp().to_string()),
        ("timeMax", end.timestamp().to_string()),
        ("singleEvents", "true".to_owned()),
        ("orderBy", "startTime".to_owned()),
    ]
}

async fn list(world: &World, token: &str, query: &[(&str, String)]) -> Answer {
    answer(world.get(PRIMARY).bearer_auth(token).query(query)).await
}

/// The events of all pages.
async fn all(world: &World, token: &str, query: &[(&str, String)]) -> Vec<Value> {
    let mut items = Vec::new();
    let mut query = query.to_vec();
    loop {
        let (status, page) = list(world, token, &query).await;
        assert_eq!(status, 200, "{page}");
        items.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page.get("nextPageToken") else {
            assert!(page["nextSyncToken"].is_string(), "only the last page has it");
            return items;
        };
        query.retain(|(name, _)| *name != "pageToken");
        query.push(("pageToken", text(next)));
    }
}

fn named<'a>(items: &'a [Value], summary: &str) -> &'a Value {
    items
        .iter()
        .find(|item| item["summary"] == summary)
        .unwrap_or_else(|| panic!("{summary} in {items:#?}"))
}

#[tokio::test]
async fn today_has_every_kind_of_event_on_several_pages() {
    let world = World::new().await;
    let token = world.google_token("owner@example.com").await;
    let query = today("Europe/Berlin");
    let (_, first) = list(&world, &token, &query).await;
    assert_eq!(
        (&first["kind"], &first["timeZone"]),
        (&json!("calendar#events"), &json!("Europe/Berlin"))
    );
    assert_eq!(first["items"].as_array().unwrap().len(), 4);
    assert!(first["nextPageToken"].is_string());
    let items = all(&world, &token, &query).await;
    let titles: Vec<&str> =
        items.iter().map(|item| item["summary"].as_str().unwrap_or("-")).collect();
    assert_eq!(
        titles,
        [
            "Team offsite",
            "Release day",
            "Daily stand-up",
            "Planning",
            "Sales presentation",
            "Call with the overseas office",
            "-",
            "Maintenance window",
        ]
    );

    let date = ZonedDateTime::now().in_tz("Europe/Berlin").unwrap().date();
    let all_day = named(&items, "Release day");
    assert_eq!(all_day["start"], json!({"date": date.to_string()}));
    assert_eq!(all_day["end"], json!({"date": date.tomorrow().unwrap().to_string()}));
    let longer = named(&items, "Team offsite");
    assert_eq!(longer["start"], json!({"date": date.yesterday().unwrap().to_string()}));
    let planning = named(&items, "Planning");
    assert!(text(&planning["start"]["dateTime"]).starts_with(&format!("{date}T11:00:00+0")));
    assert_eq!(planning["start"]["timeZone"], "Europe/Berlin");
    assert_eq!(planning["location"], "Room 2");
    let instance = named(&items, "Daily stand-up");
    assert_eq!(instance["recurringEventId"], "standup00000");
    assert_ne!(instance["id"], "standup00000");
    assert_eq!(instance["originalStartTime"], instance["start"]);
    assert!(instance["hangoutLink"].is_string());
    let declined = named(&items, "Sales presentation");
    let me =
        declined["attendees"].as_array().unwrap().iter().find(|one| one["self"] == true).unwrap();
    assert_eq!(me["responseStatus"], "declined");
    assert_eq!(
        named(&items, "Call with the overseas office")["start"]["timeZone"],
        "America/New_York"
    );
}

#[tokio::test]
async fn cancelled_events_are_listed_only_on_request() {
    let world = World::new().await;
    let token = world.google_token("owner@example.com").await;
    let mut query = today("Europe/Berlin");
    query.push(("showDeleted", "true".to_owned()));
    let items = all(&world, &token, &query).await;
    assert_eq!(named(&items, "Supplier call")["status"], "cancelled");
}

#[tokio::test]
async fn times_use_the_requested_time_zone() {
    let world = World::new().await;
    let token = world.google_token("owner@example.com").await;
    let mut query = today("Europe/Berlin");
    query.push(("timeZone", "UTC".to_owned()));
    let items = all(&world, &token, &query).await;
    assert!(text(&named(&items, "Planning")["start"]["dateTime"]).ends_with('Z'));
}

#[tokio::test]
async fn without_single_events_a_recurring_event_is_listed_once() {
    let world = World::new().await;
    let token = world.google_token("owner@example.com").await;
    let items = all(&world, &token, &[]).await;
    let standups: Vec<&Value> =
        items.iter().filter(|item| item["summary"] == "Daily stand-up").collect();
    assert_eq!(standups.len(), 1);
    assert_eq!(standups[0]["recurrence"], json!(["RRULE:FREQ=DAILY"]));
    assert_eq!(standups[0]["id"], "standup00000");
}

#[tokio::test]
async fn a_day_can_be_empty() {
    let world = World::new().await;
    let token = world.google_token("quiet@example.com").await;
    let (status, body) = list(&world, &token, &today("America/Los_Angeles")).await;
    assert_eq!((status.as_u16(), &body["items"]), (200, &json!([])));
}

#[tokio::test]
async fn max_results_sets_the_page_size() {
    let world = World::new().await;
    let event = |number: usize| Event {
        id: format!("event{number}"),
        summary: Some(format!("Event {number}")),
        description: None,
        location: None,
        hangout_link: None,
        day: 0,
        start: Some("12:00".to_owned()),
        minutes: 1,
        days: 1,
        repeat: None,
        time_zone: None,
        response: None,
        status: EventStatus::Confirmed,
    };
    world.control().edit(|directory| {
        directory.calendars = vec![Calendar {
            owner: "owner@example.com".to_owned(),
            time_zone: "UTC".to_owned(),
            page_size: None,
            events: (0..600).map(event).collect(),
        }];
    });
    let token = world.google_token("owner@example.com").await;
    let (_, page) = list(&world, &token, &today("UTC")).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 250, "the default");
    let mut query = today("UTC");
    query.push(("maxResults", "100".to_owned()));
    assert_eq!(all(&world, &token, &query).await.len(), 600);
}

#[tokio::test]
async fn only_tokens_of_the_vault_with_the_right_scope_are_accepted() {
    let world = World::new().await;
    let refused = async |token: Option<&str>| {
        let request = world.get(PRIMARY);
        let (status, body) = answer(match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
        .await;
        let error = &body["error"];
        assert_eq!(error["code"], status.as_u16());
        (status.as_u16(), text(&error["errors"][0]["reason"]))
    };
    assert_eq!(refused(None).await, (401, "required".into()));
    assert_eq!(refused(Some("ya29.nonsense")).await, (401, "authError".into()));
    let own = world.token_of("owner@example.com").await;
    assert_eq!(
        refused(Some(&own)).await,
        (401, "authError".into()),
        "the caller's token is not Google's"
    );
    let narrow = world.google_token("narrow@example.com").await;
    assert_eq!(refused(Some(&narrow)).await, (403, "insufficientPermissions".into()));

    let token = world.google_token("owner@example.com").await;
    assert_eq!(list(&world, &token, &[]).await.0, 200);
    world.control().revoke_provider_tokens(Some("owner@example.com"));
    assert_eq!(refused(Some(&token)).await, (401, "authError".into()));
    world.control().set_provider_token_lifetime(-1);
    let expired = world.google_token("owner@example.com").await;
    assert_eq!(refused(Some(&expired)).await, (401, "authError".into()));
}

#[tokio::test]
async fn unknown_calendars_and_invalid_parameters_are_refused() {
    let world = World::new().await;
    let token = world.google_token("owner@example.com").await;
    let (status, body) =
        world.get_as(&token, "/calendar/v3/calendars/nobody%40example.com/events").await;
    assert_eq!((status.as_u16(), &body["error"]["errors"][0]["reason"]), (404, &json!("notFound")));
    assert_eq!(
        world.get_as(&token, "/calendar/v3/calendars/owner%40example.com/events").await.0,
        200
    );
    let wrong = [
        "timeMin=2026-11-21",
        "timeMax=now",
        "orderBy=startTime",
        "timeZone=Moon",
        "maxResults=0",
        "pageToken=x",
        "singleEvents=1",
        "timeMin=2026-11-22T00:00:00Z&timeMax=2026-11-21T00:00:00Z",
    ];
    for query in wrong {
        let (status, _) = world.get_as(&token, &format!("{PRIMARY}?{query}")).await;
        assert_eq!(status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_response_holds_only_the_requested_fields() {
    let world = World::new().await;
    let token = world.google_token("owner@example.com").await;
    let mut query = today("Europe/Berlin");
    query.push(("maxAttendees", "1".to_owned()));
    let fields = "timeZone,items(summary,start/dateTime,attendees(self,responseStatus))";
    query.push(("fields", fields.to_owned()));
    let (status, page) = list(&world, &token, &query).await;
    assert_eq!(status, 200, "{page}");
    let members: Vec<&String> = page.as_object().unwrap().keys().collect();
    assert_eq!(members, ["items", "timeZone"], "not even the token of the next page");
    assert_eq!(page["items"][1], json!({"summary": "Release day", "start": {}}));
    query.retain(|(name, _)| *name != "fields");
    query.push(("fields", "items(".to_owned()));
    assert_eq!(list(&world, &token, &query).await.0, 400);
}

#[tokio::test]
async fn message_counts_need_a_gmail_scope() {
    const INBOX: &str = "/gmail/v1/users/me/labels/INBOX";
    let world = World::new().await;
    let token = world.google_token("owner@example.com").await;
    let (status, error) = answer(world.get(INBOX).bearer_auth(&token)).await;
    assert_eq!(status, 403);
    assert_eq!(error["error"]["errors"][0]["reason"], "insufficientPermissions");
    let scope = "https://www.googleapis.com/auth/gmail.labels";
    world.control().connect_account("owner@example.com", "google-oauth2", &[scope]).unwrap();
    let token = world.google_token("owner@example.com").await;
    let (status, label) = answer(world.get(INBOX).bearer_auth(&token)).await;
    assert_eq!(status, 200);
    assert_eq!(label["messagesUnread"], 7);
    let other = "/gmail/v1/users/me/labels/SPAM";
    assert_eq!(answer(world.get(other).bearer_auth(&token)).await.0, 404);
}
