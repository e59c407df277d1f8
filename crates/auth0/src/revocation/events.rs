//! What a request to revoke says: Auth0's log events, as a log stream sends them, or plainly what
//! is meant.
//!
//! A log stream sends a JSON array, an object, or objects on lines of their own. For an operation
//! of the Management API each is `{"log_id": …, "data": {"type": "sapi", "details": {"request":
//! {"method": "post", "path": "/api/v2/users/…/roles", "query": {}, "body": …}}}}`. The `user_id`
//! of such an event is the administrator; that of all others is the user. Events that take nothing
//! away are ignored.
//!
//! Users choose some of what is in these events, such as their metadata. So each entry is parsed by
//! itself: one that is not understood does not keep the others from being carried out.

use std::{borrow::Cow, collections::BTreeSet, error::Error, fmt};

use chrono::DateTime;
use doorward_core::strict_json::{self, JsonError};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::form_urlencoded;

use super::cut_off::{CutOff, CutOffError, Rules, Target, TokenProperty};

/// The largest body, in bytes. Log streams send many events at once.
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The most users of one revocation. More of them revoke everything.
const MAX_SUBJECTS: usize = 100;

/// The most cut-offs of one request: to cut off everybody instead would be too much.
const MAX_CUT_OFFS: usize = 1000;

/// The members of entries that an operator sends. Each is alone in its entry.
const REQUESTS: [&str; 4] = ["cut_off", "everything", "reseal", "subject"];

/// What is revoked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Revocation {
    /// What is cached about everybody: an operator said so.
    pub(super) everything: bool,
    /// Roles or APIs were changed, which is about everybody too.
    pub(super) roles: bool,
    /// What is cached about these users.
    pub(super) subjects: BTreeSet<String>,
    /// Whose access is cut off. What is cached about a user among them is revoked as well.
    pub(super) cut_offs: Vec<CutOff>,
    /// Whether the records are to be sealed under the current secret.
    pub(super) reseal: bool,
    /// How many grants, sessions and refresh tokens were deleted, by events that do not say whose
    /// they were.
    pub(super) unknown_users: usize,
    /// The entries that are wrong, by their numbers, counted from 1.
    pub(super) wrong: Vec<WrongEntry>,
}

/// An entry that is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WrongEntry {
    pub(super) number: usize,
    pub(super) error: EntryError,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryError {
    /// It is not JSON, or larger than what is read.
    Json(JsonError),
    /// Whose access is to be cut off is not understood.
    CutOff(CutOffError),
    /// It has another member beside the one that says what it is.
    Mixed,
    /// It has none of the members that say what it is.
    Unknown,
    /// The member with this name has a value that is not one.
    Value(&'static str),
    /// With it there would be more cut-offs than one request may have.
    TooMany,
}

impl Revocation {
    /// Parses a body, entry by entry.
    pub(super) fn parse(body: &[u8], rules: Rules) -> Self {
        let mut revoked = Self::default();
        for (index, entry) in entries(body.trim_ascii()).into_iter().enumerate() {
            let cut_offs = revoked.cut_offs.len();
            // Only one entry is in memory at a time.
            let added = strict_json::parse(entry)
                .map_err(EntryError::Json)
                .and_then(|entry| revoked.add(&entry, rules));
            let has_room = revoked.cut_offs.len() <= MAX_CUT_OFFS;
            let added = if has_room { added } else { Err(EntryError::TooMany) };
            if let Err(error) = added {
                revoked.cut_offs.truncate(cut_offs);
                revoked.wrong.push(WrongEntry { number: index.saturating_add(1), error });
            }
        }
        if revoked.everything {
            revoked = Self { roles: false, subjects: BTreeSet::new(), ..revoked };
        }
        revoked
    }

    /// Whether there is nothing to carry out.
    pub(super) fn is_empty(&self) -> bool {
        !self.everything
            && !self.roles
            && !self.reseal
            && self.subjects.is_empty()
            && self.cut_offs.is_empty()
    }

    fn add(&mut self, entry: &Value, rules: Rules) -> Result<(), EntryError> {
        // What an operator asks for is done as a whole or not at all.
        let is_request = REQUESTS.iter().any(|name| entry.get(name).is_some());
        if is_request && entry.as_object().is_some_and(|members| members.len() > 1) {
            return Err(EntryError::Mixed);
        }
        if let Some(cut_off) = entry.get("cut_off") {
            let cut_off = CutOff::parse(cut_off, rules).map_err(EntryError::CutOff)?;
            self.cut_offs.push(cut_off);
            return Ok(());
        }
        if let Some(subject) = entry.get("subject") {
            let subject = subject.as_str().filter(|subject| !subject.is_empty());
            let subject = subject.ok_or(EntryError::Value("subject"))?;
            self.add_subject(subject);
            return Ok(());
        }
        for (name, flag) in [("everything", &mut self.everything), ("reseal", &mut self.reseal)] {
            match entry.get(name) {
                None => {}
                Some(Value::Bool(true)) => {
                    *flag = true;
                    return Ok(());
                }
                Some(_) => return Err(EntryError::Value(name)),
            }
        }
        let event = entry.get("data").unwrap_or(entry);
        let kind = event.get("type").ok_or(EntryError::Unknown)?;
        let kind = kind.as_str().ok_or(EntryError::Value("type"))?;
        let text = |name| event.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let user = text("user_id");
        let moment = text("date").and_then(seconds).map(|moment| moment.min(rules.latest));
        match kind {
            "sapi" => self.add_operation(event, moment),
            "connected_accounts_delete_succeeded" => self.add_named(user),
            "scp" | "sdu" | "universal_logout_succeeded" => self.cut_off_user(user, None, moment),
            "srrt" => {
                let client = text("client_id").map(|id| TokenProperty::Client(id.to_owned()));
                self.cut_off_user(user, client, moment);
            }
            // Auth0 sends many other events, and adds new ones.
            _ => {}
        }
        Ok(())
    }

    /// Adds an operation of the Management API that was completed at `moment`.
    fn add_operation(&mut self, event: &Value, moment: Option<u64>) {
        let request = event.get("details").and_then(|details| details.get("request"));
        let text = |name| request.and_then(|request| request.get(name)).and_then(Value::as_str);
        let Some(path) = text("path") else {
            // Without a path only the description may tell what was changed.
            let description = event.get("description").and_then(Value::as_str).unwrap_or_default();
            let description = description.to_ascii_lowercase();
            self.roles |= ["role", "permission", "scope", "resource server"]
                .iter()
                .any(|word| description.contains(word));
            return;
        };
        let method = text("method").unwrap_or_default().to_ascii_uppercase();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = path.strip_prefix("v2/").or(path.split_once("/v2/").map(|(_, path)| path));
        let Some(path) = path else { return };
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let segments = segments.map(|segment| percent_decode_str(segment).decode_utf8());
        let Ok(path) = segments.collect::<Result<Vec<_>, _>>() else {
            // Whom it is about cannot be read.
            self.roles = true;
            return;
        };
        let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
        let body = request.and_then(|request| request.get("body"));
        let member = |name| body.and_then(|body| body.get(name));
        match (method.as_str(), path.as_slice()) {
            ("GET" | "HEAD", _) => {}
            ("DELETE", ["users", id] | ["users", id, "sessions" | "refresh-tokens"])
            | (_, ["users", id, "revoke-access"]) => self.cut_off_user(Some(id), None, moment),
            ("PATCH", ["users", id])
                if member("blocked") == Some(&Value::Bool(true))
                    || member("password").is_some() =>
            {
                self.cut_off_user(Some(id), None, moment);
            }
            // The grants of a user, or one grant.
            ("DELETE", ["grants", ..]) => {
                let in_path = || {
                    let mut pairs = form_urlencoded::parse(query.as_bytes());
                    pairs.find(|(name, _)| name == "user_id").map(|(_, user)| user)
                };
                let in_query = request.and_then(|request| request.get("query"));
                let in_query = in_query.and_then(|query| query.get("user_id"));
                let user = in_query.and_then(Value::as_str).map(Cow::from).or_else(in_path);
                self.cut_off_owner(user.as_deref(), moment);
            }
            ("POST", ["refresh-tokens", "revoke"]) => {
                self.cut_off_owner(member("user_id").and_then(Value::as_str), moment);
            }
            ("DELETE", ["sessions" | "refresh-tokens" | "device-credentials", _])
            | ("POST", ["sessions", _, "revoke"]) => self.cut_off_owner(None, moment),
            ("DELETE", ["clients", id] | ["clients", id, "credentials", _])
            | ("POST", ["clients", id, "rotate-secret"]) => {
                self.cut_off_all(TokenProperty::Client((*id).to_owned()), moment);
            }
            ("DELETE", ["organizations", id]) => {
                self.roles = true;
                self.cut_off_all(TokenProperty::Organization((*id).to_owned()), moment);
            }
            ("DELETE", ["organizations", id, "members"]) => {
                self.add_listed(body, "members");
                let members = member("members").and_then(Value::as_array).into_iter().flatten();
                for user in members.filter_map(Value::as_str) {
                    let property = TokenProperty::Organization((*id).to_owned());
                    self.cut_off_user(Some(user), Some(property), moment);
                }
            }
            (_, ["users", id, ..] | ["organizations", _, "members", id, ..]) => {
                self.add_named(Some(id));
            }
            // Nobody loses anything by what is new.
            ("POST", ["roles" | "groups" | "organizations"]) => {}
            (_, ["roles", _, "users"]) => self.add_listed(body, "users"),
            // These do not say which users they are about.
            (_, ["roles" | "resource-servers" | "groups", ..])
            | (_, ["organizations", _, "groups" | "roles", ..]) => self.roles = true,
            // Invitations, connections and everything else take nothing away.
            _ => {}
        }
    }

    /// Cuts off a user, or the user's tokens with a property. An event that should name a user and
    /// does not may be about anybody, but to cut off everybody would be too much.
    fn cut_off_user(
        &mut self,
        subject: Option<&str>,
        property: Option<TokenProperty>,
        moment: Option<u64>,
    ) {
        let Some(subject) = subject.filter(|subject| !subject.is_empty()) else {
            self.roles = true;
            return;
        };
        let target = match property {
            Some(property) => Target::OfUser(subject.to_owned(), property),
            None => Target::User(subject.to_owned()),
        };
        self.cut_offs.push(CutOff { target, issued_before: moment });
    }

    /// Cuts off the user who owned what was deleted, if the event says who that is.
    fn cut_off_owner(&mut self, subject: Option<&str>, moment: Option<u64>) {
        match subject.filter(|subject| !subject.is_empty()) {
            Some(subject) => self.cut_off_user(Some(subject), None, moment),
            None => self.unknown_users = self.unknown_users.saturating_add(1),
        }
    }

    fn cut_off_all(&mut self, property: TokenProperty, moment: Option<u64>) {
        self.cut_offs.push(CutOff { target: Target::All(property), issued_before: moment });
    }

    /// Adds the users whom the body of an operation lists.
    fn add_listed(&mut self, body: Option<&Value>, member: &str) {
        let Some(users) = body.and_then(|body| body.get(member)).and_then(Value::as_array) else {
            self.roles = true;
            return;
        };
        for user in users {
            self.add_named(user.as_str());
        }
    }

    /// Adds a user whom an event names. If it should name one and does not, it may be anybody.
    fn add_named(&mut self, subject: Option<&str>) {
        match subject.filter(|subject| !subject.is_empty()) {
            Some(subject) => self.add_subject(subject),
            None => self.roles = true,
        }
    }

    /// Adds a user, or everybody if there are too many.
    fn add_subject(&mut self, subject: &str) {
        if self.subjects.len() < MAX_SUBJECTS || self.subjects.contains(subject) {
            self.subjects.insert(subject.to_owned());
        } else {
            self.everything = true;
        }
    }
}

/// The texts of the entries of a body: the elements of an array, or else values on lines of their
/// own.
fn entries(body: &[u8]) -> Vec<&[u8]> {
    let Some(elements) = body.strip_prefix(b"[") else {
        let lines = split(body, b'\n').into_iter().map(<[u8]>::trim_ascii);
        return lines.filter(|line| !line.is_empty()).collect();
    };
    match elements.strip_suffix(b"]") {
        Some(elements) if elements.trim_ascii().is_empty() => Vec::new(),
        Some(elements) => split(elements, b','),
        None => {
            let mut entries = split(elements, b',');
            // The missing end is an entry that is not understood.
            entries.push(&[]);
            entries
        }
    }
}

/// Splits JSON texts where they are separated, and not in the middle of one.
fn split(texts: &[u8], separator: u8) -> Vec<&[u8]> {
    let (mut depth, mut is_in_string, mut is_escaped) = (0_usize, false, false);
    let separates = |byte: &u8| {
        if is_in_string {
            is_in_string = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
            return false;
        }
        match byte {
            b'"' => is_in_string = true,
            b'[' | b'{' => depth = depth.saturating_add(1),
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        *byte == separator && depth == 0
    };
    texts.split(separates).collect()
}

impl fmt::Display for WrongEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, error } = self;
        match error {
            EntryError::Json(error) => write!(f, "Entry {number} {error}"),
            EntryError::Unknown => write!(
                f,
                "Entry {number} has neither `subject` nor `everything`, `cut_off` or `type`"
            ),
            EntryError::CutOff(CutOffError::Invalid) => write!(
                f,
                "The value of `cut_off` in entry {number} is invalid: it needs one of `subject`, \
                 `client`, `organization`, `token_id`, `token_sha256` and `everything`, and may have \
                 `issued_before`, in seconds"
            ),
            EntryError::Mixed => write!(
                f,
                "Entry {number} has more than one member: send what is to be done as entries of their \
                 own, `issued_before` inside of `cut_off`, and nothing else"
            ),
            EntryError::CutOff(CutOffError::OrganizationNotAnId) => write!(
                f,
                "The `organization` in entry {number} is not an id: it needs the id of the \
                 organization, like `org_ab12CD34ef56GH78`, and not its name"
            ),
            EntryError::Value(member) => {
                write!(f, "The value of `{member}` in entry {number} is invalid")
            }
            EntryError::TooMany => write!(
                f,
                "With entry {number} there are more than {MAX_CUT_OFFS} cut-offs in one request"
            ),
        }
    }
}

impl Error for WrongEntry {}

/// A time of RFC 3339 in seconds since the Unix epoch, rounded up: tokens say when they were issued
/// in whole seconds.
fn seconds(time: &str) -> Option<u64> {
    let millis = DateTime::parse_from_rfc3339(time).ok()?.timestamp_millis();
    Some(u64::try_from(millis).ok()?.div_ceil(1000))
}

#[cfg(test)]
mod tests;
