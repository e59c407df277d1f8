//! The member `attach`: what authenticates requests to a server.

use http::{HeaderName, HeaderValue};

use super::entry::{Entry, wrong};

/// What authenticates requests to a server.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Nothing.
    None,
    /// A token on behalf of the caller.
    OnBehalfOf {
        /// The API that it is for.
        audience: String,
        /// The scopes to request.
        scopes: Vec<String>,
    },
    /// The token of the account that the caller connected.
    Connection {
        /// The connection.
        name: String,
    },
    /// A header, the same for all callers.
    Header {
        /// Its name.
        name: HeaderName,
        /// Its value, from `upstream_secrets`.
        value: HeaderValue,
    },
}

impl Credential {
    pub(super) fn parse(entry: &Entry<'_>, secret: Option<&str>) -> Result<Self, String> {
        let problem = "does not have exactly one of `audience`, `connection` and `header`";
        entry.only(&["audience", "scopes", "connection", "header"])?;
        let given = ["audience", "connection", "header"].map(|member| entry.text(member));
        let [audience, connection, header] = given;
        match (audience?, connection?, header?) {
            (Some(audience), None, None) => {
                Ok(Self::OnBehalfOf { audience: audience.to_owned(), scopes: entry.scopes()? })
            }
            (None, Some(name), None) => Ok(Self::Connection { name: name.to_owned() }),
            (None, None, Some(name)) => {
                let name = HeaderName::from_bytes(name.as_bytes());
                let name =
                    name.map_err(|_| entry.wrong("header", "is not the name of a header"))?;
                let value = secret.map(HeaderValue::from_str).and_then(Result::ok);
                let missing = "needs a value in `upstream_secrets`";
                let mut value = value.ok_or_else(|| entry.wrong("header", missing))?;
                value.set_sensitive(true);
                Ok(Self::Header { name, value })
            }
            _ => Err(wrong(&entry.path, problem)),
        }
    }
}
