//! The pages: sign-in, consent, error and home.

use axum::http::StatusCode;
use axum::response::Response;

use super::page::{escape, page};
use super::{flow, redirect_uri};
use crate::seed::{Client, Organization, Person, Settings};
use crate::state::{Pending, Store};

/// The sign-in page.
pub(super) fn login(
    store: &Store,
    id: &str,
    pending: &Pending,
    status: StatusCode,
    problem: Option<&str>,
) -> Response {
    let client = store.directory.client(&pending.client_id).map_or("", |client| &client.name);
    let (id, password) = (escape(id), escape(&store.settings().password));
    let hidden = format!("<input type=\"hidden\" name=\"state\" value=\"{id}\">");
    let entry = |person: &Person, organization: Option<&Organization>| {
        let (field, note) = match organization {
            None => (String::new(), person.note.clone()),
            Some(Organization { id, name, .. }) => (
                format!("<input type=\"hidden\" name=\"organization\" value=\"{}\">", escape(id)),
                format!("in the organization {name}"),
            ),
        };
        format!(
            "<li><form method=\"post\" action=\"/u/login\">{hidden}{field}\
             <input type=\"hidden\" name=\"username\" value=\"{email}\">\
             <input type=\"hidden\" name=\"password\" value=\"{password}\">\
             <button class=\"person\"><strong>{name}</strong> <span>{email}</span> <small>{note}</small></button>\
             </form></li>\n",
            email = escape(&person.email),
            name = escape(&person.name),
            note = escape(&note),
        )
    };
    let people = || store.directory.people.iter();
    let plain = people().map(|person| entry(person, None));
    // Whoever asks for an organization gets that one.
    let organizations =
        store.directory.organizations.iter().filter(|_| pending.organization.is_none());
    let members = organizations.flat_map(|organization| {
        let members = people().filter(|one| organization.members.contains(&one.user_id));
        members.map(|person| entry(person, Some(organization)))
    });
    let people: String = plain.chain(members).collect();
    let into = pending.organization.as_ref().map_or_else(String::new, |organization| {
        format!(", in the organization <strong>{}</strong>", escape(organization))
    });
    let problem = problem.map_or_else(String::new, |text| {
        format!("<p class=\"problem\" id=\"problem\" role=\"alert\">{}</p>\n", escape(text))
    });
    let main = format!(
        "<p class=\"tenant\">{tenant}</p>\n<h1>Sign in</h1>\n<p>to continue to <strong>{client}</strong>{into}</p>\n{problem}\
         <h2 id=\"people\">Choose who you are</h2>\n<ul class=\"people\" aria-labelledby=\"people\">\n{people}</ul>\n\
         <h2>Or enter your credentials</h2>\n<form method=\"post\" action=\"/u/login\">{hidden}\n\
         <label for=\"username\">Email address</label>\n\
         <input id=\"username\" name=\"username\" type=\"email\" autocomplete=\"username\" required value=\"{hint}\">\n\
         <label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required \
         aria-describedby=\"hint\">\n\
         <p class=\"hint\" id=\"hint\">Everybody's password is <code>{password}</code>: this tenant runs only on \
         your machine and stores nothing.</p>\n<button class=\"primary\">Sign in</button>\n</form>",
        tenant = escape(&store.settings().name),
        client = escape(client),
        hint = escape(pending.login_hint.as_deref().unwrap_or_default()),
    );
    page(status, "Sign in", &main, &redirect_uri::form_target(&pending.redirect_uri))
}

/// The consent page.
pub(super) fn consent(
    store: &Store,
    id: &str,
    pending: &Pending,
    client: &Client,
    person: &Person,
) -> Response {
    let organization = flow::organization(store, person, pending);
    let scopes = flow::scopes(store, client, person, organization.as_deref(), pending);
    let api = flow::api(store, pending);
    let describe = |scope: &String| {
        let known = api.and_then(|api| api.scopes.iter().find(|known| known.value == *scope));
        let text = match (scope.as_str(), known) {
            ("openid", _) => "Know who you are",
            ("profile", _) => "See your name",
            ("email", _) => "See your email address",
            ("offline_access", _) => "Keep access while you are away",
            (_, Some(known)) if !known.description.is_empty() => &known.description,
            (name, _) => name,
        };
        format!("<li>{} <code>{}</code></li>\n", escape(text), escape(scope))
    };
    let list: String = scopes.iter().map(describe).collect();
    let service = api.map_or_else(
        || "your account".to_owned(),
        |api| format!("<strong>{}</strong>", escape(&api.name)),
    );
    let asks = if list.is_empty() {
        format!("<p>It asks for access to {service}.</p>\n")
    } else {
        format!(
            "<p>It wants to use {service} on your behalf, to:</p>\n<ul class=\"scopes\">\n{list}</ul>\n"
        )
    };
    let withheld: Vec<String> = pending
        .scopes
        .iter()
        .filter(|scope| !scopes.contains(scope))
        .map(|scope| format!("<code>{}</code>", escape(scope)))
        .collect();
    let withheld = if withheld.is_empty() {
        String::new()
    } else {
        format!(
            "<p class=\"hint\">It also asked for {}, which it does not get.</p>\n",
            withheld.join(", ")
        )
    };
    let unverified = if client.is_first_party {
        String::new()
    } else {
        "<p class=\"hint\">This application registered itself. Nobody has checked its name.</p>\n"
            .to_owned()
    };
    let id = escape(id);
    let main = format!(
        "<p class=\"tenant\">{tenant}</p>\n<h1>Allow <em>{client}</em>?</h1>\n\
         <p>You are signed in as <strong>{name}</strong> ({email}). <a href=\"/u/login?state={id}\">Not you?</a></p>\n\
         {asks}{withheld}{unverified}<p class=\"hint\">You will be redirected to <code>{target}</code>.</p>\n\
         <form method=\"post\" action=\"/u/consent\" class=\"choice\">\n\
         <input type=\"hidden\" name=\"state\" value=\"{id}\">\n\
         <button class=\"primary\" name=\"action\" value=\"allow\">Allow</button>\n\
         <button name=\"action\" value=\"deny\">Deny</button>\n</form>",
        tenant = escape(&store.settings().name),
        client = escape(&client.name),
        name = escape(&person.name),
        email = escape(&person.email),
        target = escape(&redirect_uri::form_target(&pending.redirect_uri)),
    );
    page(StatusCode::OK, "Allow access?", &main, &redirect_uri::form_target(&pending.redirect_uri))
}

/// The error page, for errors that cannot be sent to the client.
pub(crate) fn error(text: &str) -> Response {
    let main = format!(
        "<h1>That did not work</h1>\n<p class=\"problem\" role=\"alert\">{}</p>",
        escape(text)
    );
    page(StatusCode::BAD_REQUEST, "That did not work", &main, "")
}

/// The home page.
pub(crate) fn home(settings: &Settings) -> Response {
    let main = format!(
        "<h1>{}</h1>\n<p>A stand-in for an Auth0 tenant, on this machine only. Applications send you here to sign in; \
         there is nothing to do here by hand.</p>\n<ul class=\"scopes\">\n\
         <li><a href=\"/.well-known/openid-configuration\">Discovery</a></li>\n\
         <li><a href=\"/.well-known/jwks.json\">Keys</a></li>\n<li><a href=\"/_control/\">Control interface</a></li>\n</ul>",
        escape(&settings.name)
    );
    page(StatusCode::OK, &settings.name, &main, "")
}
