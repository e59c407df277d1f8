//! The pages that the person sees.

use doorward_core::web::{Answer, Escaped, page};
use http::StatusCode;

use super::{Connect, ConnectOutcome, Ticket};

/// The names by which people know providers.
const PROVIDERS: [(&str, &str); 5] = [
    ("google-oauth2", "Google"),
    ("github", "GitHub"),
    ("windowslive", "Microsoft"),
    ("slack", "Slack"),
    ("salesforce", "Salesforce"),
];

/// The page behind a link: it says what will happen, and who should close it.
pub(super) fn first(connect: &Connect<'_>, ticket: &Ticket) -> Answer {
    let provider = Escaped(provider(&ticket.connection));
    let name = Escaped(connect.name);
    let issuer = connect.tenant.issuer().as_str();
    let tenant = issuer.split("//").nth(1).unwrap_or(issuer).trim_end_matches('/');
    let scopes: String = ticket
        .scopes
        .iter()
        .map(|scope| format!("<li><code>{}</code></li>\n", Escaped(scope)))
        .collect();
    let scopes = match scopes.is_empty() {
        true => String::new(),
        false => format!("<p>It asks for:</p>\n<ul>\n{scopes}</ul>\n"),
    };
    let main = format!(
        "<p class=\"soft\">{name}</p>\n<h1>Connect your {provider} account</h1>\n\
         <p>You asked your agent for something that needs your {provider} account, and {name} cannot reach it yet.</p>\n\
         {scopes}<p>What happens next:</p>\n<ol>\n\
         <li>You sign in at <strong>{}</strong>, as the user your agent works for.</li>\n\
         <li>{provider} asks you whether you agree.</li>\n\
         <li>You go back to your agent and try again.</li>\n</ol>\n\
         <p><a class=\"button\" href=\"{}\">Continue</a></p>\n\
         <p class=\"soft\">Somebody sent you this link, or you asked for nothing? Then close this page. Nothing has happened.</p>",
        Escaped(tenant),
        Escaped(&start_path(connect, ticket)),
    );
    let title = format!("Connect your {provider} account");
    page(StatusCode::OK, &title, &main)
}

/// The page at the end.
pub(super) fn last(
    connect: &Connect<'_>,
    ending: ConnectOutcome,
    ticket: Option<&Ticket>,
) -> Answer {
    let provider = Escaped(ticket.map_or("", |ticket| provider(&ticket.connection)));
    let (status, title, text) = match ending {
        ConnectOutcome::Connected => (
            StatusCode::OK,
            format!("Your {provider} account is connected"),
            "Go back to your agent and let it try again. You can close this page.",
        ),
        ConnectOutcome::Conflict => (
            StatusCode::CONFLICT,
            format!("This {provider} account was not connected"),
            "It is connected to another user already. Use another account, or take it back from that user first.",
        ),
        ConnectOutcome::Declined => (
            StatusCode::OK,
            format!("Your {provider} account was not connected"),
            "You did not agree, so nothing was changed.",
        ),
        ConnectOutcome::LinkInvalid => (
            StatusCode::BAD_REQUEST,
            "This link does not work".to_owned(),
            "It is incomplete, it was lost, or it was not made here. Copy all of it, or let your agent try again: it gets a new one.",
        ),
        ConnectOutcome::LinkExpired => (
            StatusCode::GONE,
            "This link has expired".to_owned(),
            "A link works for ten minutes. Let your agent try again: the link then works again.",
        ),
        ConnectOutcome::TimedOut => (
            StatusCode::GONE,
            "This took too long".to_owned(),
            "You have ten minutes to sign in, and ten more to agree. Let your agent try again.",
        ),
        ConnectOutcome::NotStarted => (
            StatusCode::BAD_REQUEST,
            "This cannot be continued".to_owned(),
            "This was finished already, started again, or started in another browser; or the browser keeps no cookies. \
             Open the link of your agent again, or let it try again for a new one.",
        ),
        ConnectOutcome::NotSignedIn => {
            (StatusCode::OK, "You were not signed in".to_owned(), "Nothing was changed.")
        }
        ConnectOutcome::OtherUser => (
            StatusCode::FORBIDDEN,
            "You are signed in as somebody else".to_owned(),
            "This link is for the user whose agent asked for it, and you signed in as another one. Nothing was changed. \
             If the link came from somebody else, close this page.",
        ),
        ConnectOutcome::Mismatch => (
            StatusCode::BAD_REQUEST,
            "That did not work".to_owned(),
            "The answer does not belong to the question. Nothing was changed.",
        ),
        ConnectOutcome::Refused => (
            StatusCode::BAD_GATEWAY,
            "This server cannot connect the account yet".to_owned(),
            "This server is not set up to connect this account. Tell its operator, who finds the reason in the server's log.",
        ),
        ConnectOutcome::Unavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "This does not work just now".to_owned(),
            "A service that is needed for this does not answer. Nothing is lost: try again in a moment.",
        ),
    };
    let class = if ending == ConnectOutcome::Connected { "good" } else { "bad" };
    let more = match ending {
        ConnectOutcome::Connected => format!(
            "<p class=\"soft\">You can take this back whenever you like, in the settings of your {provider} account.</p>"
        ),
        _ => ticket.and_then(|ticket| again(connect, ending, ticket)).unwrap_or_default(),
    };
    let main = format!(
        "<p class=\"soft\">{}</p>\n<h1 class=\"{class}\">{title}</h1>\n<p>{text}</p>\n{more}",
        Escaped(connect.name)
    );
    page(status, &title, &main)
}

/// A button to try again, if that can help and the link has not expired.
fn again(connect: &Connect<'_>, ending: ConnectOutcome, ticket: &Ticket) -> Option<String> {
    let (label, more) = match ending {
        ConnectOutcome::OtherUser => ("Sign in as another user", "&again=1"),
        ConnectOutcome::NotSignedIn => ("Try again", "&again=1"),
        ConnectOutcome::Refused => return None,
        _ => ("Try again", ""),
    };
    if connect.host().now() >= ticket.expires_at {
        return Some("<p>Let your agent try again: it gets a new link.</p>".to_owned());
    }
    let url = format!("{}{more}", start_path(connect, ticket));
    Some(format!("<p><a class=\"button\" href=\"{}\">{label}</a></p>", Escaped(&url)))
}

fn start_path(connect: &Connect<'_>, ticket: &Ticket) -> String {
    let path = ticket.path("/start", &connect.tenant);
    format!("{}{path}", connect.tenant.resource_server.settings.resource.prefix)
}

fn provider(connection: &str) -> &str {
    let known = PROVIDERS.iter().find(|(name, _)| *name == connection);
    known.map_or(connection, |(_, provider)| provider)
}
