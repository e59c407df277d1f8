//! The member `egress`: the API that the tools of a server may call through this server.

use doorward_core::{origin::Origin, settings::parse};
use http::{HeaderName, Method};

use super::entry::Entry;

/// An API that tools may call through this server, with the caller's account.
#[derive(Clone, Debug)]
pub struct Egress {
    /// The connection whose token is attached.
    pub connection: String,
    /// The scopes that the user is asked for when connecting the account.
    pub scopes: Vec<String>,
    /// The origins of the API, each with the path of its requests, as [`admits`](Self::admits)
    /// reads it.
    hosts: Vec<(Origin, String)>,
    /// The methods.
    pub methods: Vec<Method>,
    /// The headers of a request that are passed on besides the usual ones.
    pub headers: Vec<HeaderName>,
    /// The id of this server's own component in the manifest.
    pub component: String,
}

/// Headers that only this server sets, that are about the connection, or that change the meaning of
/// a request; with a hyphen at the end, what their names begin with.
const RESERVED_HEADERS: [&str; 24] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "doorward-",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-",
    "range",
    "spin-",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-",
    "x-http-method",
    "x-http-method-override",
    "x-method-",
    "sec-",
    "set-cookie",
];

const METHODS: [Method; 5] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

impl Egress {
    pub(super) fn parse(entry: &Entry<'_>, is_public: bool) -> Result<Self, String> {
        entry.only(&["connection", "scopes", "hosts", "methods", "headers", "component"])?;
        let connection = entry.text("connection")?.unwrap_or_default();
        let is_name =
            |name: &str| parse::path_of(&["/", name].concat()).is_ok_and(|it| it.len() > 1);
        if !is_name(connection) || connection.contains('/') {
            return Err(entry.wrong("connection", "is not the name of a connection"));
        }
        let hosts = entry.texts("hosts")?;
        let hosts = hosts.iter().map(|host| {
            let (origin, path) = parse::secure_url(host)?;
            let slash = if host.ends_with('/') { "/" } else { "" };
            Ok((origin, path + slash))
        });
        let hosts: Result<Vec<_>, _> = hosts.collect();
        let hosts = hosts.map_err(|problem| entry.wrong("hosts", problem))?;
        if hosts.is_empty() || is_public && hosts.iter().any(|(origin, _)| origin.is_loopback()) {
            return Err(entry.wrong("hosts", "is not a list of origins `https://…`"));
        }
        let headers = entry.texts("headers")?.into_iter().map(|name| {
            let is_free = |name: &HeaderName| {
                let name = name.as_str();
                let is_like = |it: &&str| name == *it || it.ends_with('-') && name.starts_with(*it);
                !RESERVED_HEADERS.iter().any(is_like)
            };
            let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(is_free);
            name.ok_or_else(|| entry.wrong("headers", "names a header that a tool may not set"))
        });
        let headers = headers.collect::<Result<_, _>>()?;
        let methods = match entry.texts("methods")? {
            none if none.is_empty() => vec![Method::GET],
            some => {
                let known =
                    |name: &String| METHODS.into_iter().find(|method| method.as_str() == name);
                let known: Option<_> = some.iter().map(known).collect();
                known.ok_or_else(|| {
                    entry.wrong(
                        "methods",
                        "names a method other than GET, POST, PUT, PATCH and DELETE",
                    )
                })?
            }
        };
        let component = entry.text("component")?.unwrap_or("doorward");
        if !is_name(component) {
            return Err(entry.wrong("component", "is not the id of a component"));
        }
        Ok(Self {
            connection: connection.to_owned(),
            scopes: entry.scopes()?,
            hosts,
            methods,
            headers,
            component: component.to_owned(),
        })
    }

    /// The origin of the API at `host`, if a request for `path` may go there: to a path without a
    /// slash at its end and what is below it, or only to what is below one with a slash.
    #[must_use]
    pub fn admits(&self, host: &str, path: &str) -> Option<&Origin> {
        let admitted = self.hosts.iter().find(|(origin, admitted)| {
            let rest = path.strip_prefix(admitted.as_str());
            origin.as_str().split_once("://").is_some_and(|(_, it)| it == host)
                && rest.is_some_and(|rest| {
                    admitted.ends_with('/') || rest.is_empty() || rest.starts_with('/')
                })
        });
        admitted.map(|(origin, _)| origin)
    }

    /// Whether some of its requests may go to this origin.
    #[must_use]
    pub fn has_origin(&self, origin: &str) -> bool {
        self.hosts.iter().any(|(declared, _)| declared.as_str() == origin)
    }
}
